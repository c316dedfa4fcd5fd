using System.Collections.Immutable;
using Halftone.Data.Arrays;
using Halftone.Data.Pictures;
using Halftone.Onnx;

namespace Halftone.Data.Sources;

/// <summary>Where pictures come from.</summary>
internal interface IPictureSource
{
    /// <summary>What it is, in one line.</summary>
    string Description { get; }

    /// <summary>Number of pictures.</summary>
    int Count { get; }

    /// <summary>Whether there are classes.</summary>
    bool HasLabels { get; }

    /// <summary>Names of the classes.</summary>
    ImmutableArray<string> ClassNames { get; }

    /// <summary>File, or file and position.</summary>
    string Name(int index);

    /// <summary>The class of a picture.</summary>
    int? Label(int index);

    /// <summary>Decodes a picture.</summary>
    /// <exception cref="DataException">Its file is missing or corrupt.</exception>
    Picture Read(int index);
}

/// <summary>Pictures as samples of a model.</summary>
internal sealed class PictureData : IDataSet
{
    private readonly IPictureSource _source;
    private readonly string _input;
    private readonly PictureInput _prepare;
    private readonly ImmutableDictionary<string, Tensor> _zeros;
    private readonly Func<int, Tensor?> _target;

    /// <exception cref="DataException">The model does not take one picture.</exception>
    public PictureData(IPictureSource source, IReadOnlyList<ValueInfo> inputs, DataOptions options)
    {
        ValueInfo[] given = [.. inputs.Where(i => !options.StateLinks.ContainsValue(i.Name))];
        if (given is not [var input])
        {
            throw new DataException($"The model takes {given.Length} inputs ({string.Join(", ", given.Select(i => $"'{i.Name}' {InputShape.Text(i)}"))}); images give one. Give arrays instead: a .npz keyed by input name.");
        }

        if (source.Count == 0)
        {
            throw new DataException($"There are no images in {source.Description}.");
        }

        _source = source;
        _input = input.Name;
        _prepare = new PictureInput(input, options.Preprocessing ?? new());
        _zeros = inputs.Where(i => i.Name != input.Name).ToImmutableDictionary(i => i.Name, InputShape.Zeros);
        _target = Targets(source, input, options);
        Inputs = inputs;
        StateLinks = options.StateLinks;
    }

    /// <inheritdoc/>
    public string Description => _source.Description;

    /// <inheritdoc/>
    public int Count => _source.Count;

    /// <inheritdoc/>
    public bool HasLabels => _source.HasLabels;

    /// <inheritdoc/>
    public ImmutableArray<string> ClassNames => _source.ClassNames;

    /// <inheritdoc/>
    public IReadOnlyList<ValueInfo> Inputs { get; }

    /// <inheritdoc/>
    public ImmutableDictionary<string, string> StateLinks { get; }

    /// <inheritdoc/>
    public Sample Read(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        string name = _source.Name(index);
        Tensor tensor = _prepare.Prepare(_source.Read(index), name);
        ValueInfo input = Inputs.First(i => i.Name == _input);
        if (InputShape.Misfit(input, tensor, name) is { } misfit)
        {
            throw new DataException(misfit);
        }

        return new Sample(_zeros.SetItem(_input, tensor))
        {
            Label = _source.Label(index),
            Target = _target(index),
            Name = name,
            StartsSequence = StateLinks.IsEmpty || index == 0,
        };
    }

    private static Func<int, Tensor?> Targets(IPictureSource source, ValueInfo input, DataOptions options)
    {
        if (options.Targets is not { } path)
        {
            return _ => null;
        }

        string extension = Path.GetExtension(path).ToLowerInvariant();
        if (extension == ".npy")
        {
            var rows = RowValues.Read(path, source.Count);
            return rows.Target;
        }

        if (extension is ".csv" or ".tsv" or ".txt")
        {
            Dictionary<string, float[]> byFile = TargetTable(path);
            return i => byFile.TryGetValue(Path.GetFileName(source.Name(i)), out float[]? values)
                ? Tensor.Of(values, values.Length)
                : throw new DataException($"'{path}' has no target for '{source.Name(i)}'.");
        }

        // targets keep their own size and the same values; free lengths let any size through
        var free = new ValueInfo(input.Name, input.Type, input.Dims is { Count: 4 } d ? [d[0], d[1] is 1 or 3 ? d[1] : null, null, d[3] is 1 or 3 ? d[3] : null] : null);
        var prepare = new PictureInput(free, (options.Preprocessing ?? new()) with { Height = null, Width = null, ShortSide = null, Resize = null });
        Dictionary<string, string> byName = ImageFiles.Keyed(path);
        Dictionary<string, string> keys = source is ImageFiles files ? files.Keys : throw new DataException("Target images go with input images only.");
        return i => byName.TryGetValue(keys[source.Name(i)], out string? target)
            ? prepare.Prepare(ImageDecoder.Read(target), target)
            : throw new DataException($"There is no target image in '{path}' for '{source.Name(i)}'.");
    }

    private static Dictionary<string, float[]> TargetTable(string path)
    {
        Dictionary<string, float[]> table = [];
        List<string[]> rows = TextTable.Read(path);
        bool head = rows.Count > 0 && rows[0].Length > 1 && !TextTable.TryNumber(rows[0][1], out _);
        foreach (string[] row in rows.Skip(head ? 1 : 0))
        {
            float[] values = [.. row.Skip(1).Select(c => TextTable.TryNumber(c, out float v) ? v : throw new DataException($"The target of '{row[0]}' in '{path}' is '{c}', which is no number."))];
            table[Path.GetFileName(row[0])] = values.Length > 0 ? values : throw new DataException($"'{path}' has no target on the line of '{row[0]}'.");
        }

        return table;
    }
}
