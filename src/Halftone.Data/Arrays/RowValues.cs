using System.Globalization;
using Halftone.Data.Sources;
using Halftone.Onnx;

namespace Halftone.Data.Arrays;

/// <summary>Labels or targets in the order of the samples: rows of an array, or lines of a table.</summary>
internal sealed class RowValues
{
    private readonly NpyArray? _array;
    private readonly float[][]? _lines;

    private RowValues(NpyArray? array, float[][]? lines)
    {
        _array = array;
        _lines = lines;
    }

    /// <summary>Whether each row is one whole number.</summary>
    public bool IsInteger => _array is not null
        ? _array.IsInteger && _array.Dims.Skip(1).All(d => d == 1)
        : _lines!.All(l => l.Length == 1 && l[0] == MathF.Floor(l[0]));

    /// <summary>Rows of an array.</summary>
    /// <exception cref="DataException">There are not as many as samples.</exception>
    public static RowValues Of(NpyArray array, int count)
    {
        Check(array.Name, array.Dims.Length == 0 ? 0 : array.Dims[0], count);
        return new RowValues(array, null);
    }

    /// <summary>A .npy file, or a text table whose lines hold numbers alone (after a head, if there is one).</summary>
    /// <exception cref="DataException">It is not understood, or there are not as many rows as samples.</exception>
    public static RowValues Read(string path, int count)
    {
        if (path.EndsWith(".npy", StringComparison.OrdinalIgnoreCase))
        {
            return Of(NpyArray.OfFile(path), count);
        }

        List<string[]> rows = TextTable.Read(path);
        bool head = rows.Count > 0 && rows[0].Any(cell => !TextTable.TryNumber(cell, out _));
        float[][] lines = [.. rows.Skip(head ? 1 : 0).Select((row, i) => Numbers(row, path, i + (head ? 2 : 1)))];
        Check(path, lines.Length, count);
        return new RowValues(null, lines);
    }

    /// <summary>The class of a sample; null for -1, which stands for none.</summary>
    /// <exception cref="DataException">It is no class number.</exception>
    public int? Label(int index)
    {
        long label = _array is not null ? _array.Rows(index, 1).ToInt64s()[0] : (long)_lines![index][0];
        return label switch
        {
            -1 => null,
            >= 0 and <= int.MaxValue => (int)label,
            _ => throw new DataException($"The label of sample {index} is {label}; classes count from 0, and -1 stands for none."),
        };
    }

    /// <summary>The target of a sample, floats [values].</summary>
    public Tensor Target(int index)
    {
        Tensor? row = _array?.Rows(index, 1);
        return row is null ? Tensor.Of(_lines![index], _lines[index].Length)
            : Tensor.Of(row.ToFloats(), row.Dims.Length > 1 ? [.. row.Dims[1..]] : [1L]);
    }

    private static float[] Numbers(string[] row, string path, int line) =>
        [.. row.Select(cell => TextTable.TryNumber(cell, out float value)
            ? value
            : throw new DataException(string.Create(CultureInfo.InvariantCulture, $"'{path}', line {line}: '{cell}' is no number.")))];

    private static void Check(string name, long rows, int count)
    {
        if (rows != count)
        {
            throw new DataException($"'{name}' has {rows} rows, but there are {count} samples; labels and data do not match.");
        }
    }
}
