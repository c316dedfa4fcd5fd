using System.Collections.Immutable;
using System.Globalization;
using Halftone.Onnx;

namespace Halftone.Cli;

/// <summary>A place in a row.</summary>
/// <param name="Index">Which, from 0.</param>
/// <param name="Value">What stands there.</param>
internal sealed record Entry(long Index, double Value);

/// <summary>A tensor in a few numbers.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Element type.</param>
/// <param name="Dims">Lengths.</param>
/// <param name="Min">Least finite value; null where there is none.</param>
/// <param name="Max">Greatest finite value.</param>
/// <param name="Mean">Mean of the finite values.</param>
/// <param name="NotFinite">Values that are NaN or infinite.</param>
/// <param name="Largest">The five largest of a tensor that is one row, largest first; empty of others.</param>
internal sealed record TensorSummary(
    string Name, string Type, ImmutableArray<long> Dims, double? Min, double? Max, double? Mean, long NotFinite, ImmutableArray<Entry> Largest)
{
    private const int Most = 5;

    /// <summary>Looks at a tensor.</summary>
    public static TensorSummary Of(string name, Tensor tensor)
    {
        double[] values = tensor.Type switch
        {
            ElementType.Double => tensor.As<double>().ToArray(),
            ElementType.Float or ElementType.Float16 or ElementType.BFloat16 => Array.ConvertAll(tensor.ToFloats(), v => (double)v),
            _ => Array.ConvertAll(tensor.ToInt64s(), v => (double)v),
        };
        double[] finite = [.. values.Where(double.IsFinite)];
        bool row = tensor.Dims.Length > 0 && tensor.Count > 1 && tensor.Count == tensor.Dims.Max(); // all other lengths are 1
        return new TensorSummary(
            name,
            tensor.Type.OnnxName(),
            tensor.Dims,
            finite.Length == 0 ? null : finite.Min(),
            finite.Length == 0 ? null : finite.Max(),
            finite.Length == 0 ? null : finite.Average(),
            values.Length - finite.Length,
            row ? [.. values.Select((v, i) => new Entry(i, v)).Where(e => !double.IsNaN(e.Value)).OrderByDescending(e => e.Value).Take(Most)] : []);
    }

    /// <summary>One line, and one more for the largest of a row.</summary>
    public override string ToString()
    {
        string range = Min is null ? "no finite value" : string.Create(CultureInfo.InvariantCulture, $"from {Min:G6} to {Max:G6}, mean {Mean:G6}");
        string broken = NotFinite > 0 ? string.Create(CultureInfo.InvariantCulture, $", {NotFinite} not finite") : "";
        string largest = Largest.IsEmpty ? "" : "\n  largest: " + string.Join(", ", Largest.Select(e => string.Create(CultureInfo.InvariantCulture, $"[{e.Index}] {e.Value:G6}")));
        return $"{Name}: {Type} [{string.Join(",", Dims)}], {range}{broken}{largest}";
    }
}
