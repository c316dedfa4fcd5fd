using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Data.Arrays;

/// <summary>Samples out of NumPy arrays, one an input, and the arrays of labels and targets beside them.</summary>
internal sealed class ArrayData : IDataSet
{
    private static readonly string[] s_labelNames = ["y", "label", "labels", "target", "targets"];

    private readonly ImmutableArray<ArrayBinding> _bindings;
    private readonly ImmutableDictionary<string, Tensor> _zeros;
    private readonly RowValues? _labels;
    private readonly RowValues? _targets;
    private readonly string _path;

    /// <exception cref="DataException">An input has no array, or arrays, labels and inputs do not fit.</exception>
    public ArrayData(string path, Dictionary<string, NpyArray> arrays, IReadOnlyList<ValueInfo> inputs, DataOptions options, ImmutableArray<string> classNames)
    {
        _path = path;
        Inputs = inputs;
        StateLinks = options.StateLinks;
        ClassNames = classNames;
        Dictionary<string, NpyArray> found = Assign(path, arrays, inputs, options.StateLinks);
        _bindings = [.. inputs.Where(i => found.ContainsKey(i.Name)).Select(i => new ArrayBinding(i, found[i.Name], options.Preprocessing ?? new()))];
        _zeros = inputs.Where(i => !found.ContainsKey(i.Name)).ToImmutableDictionary(i => i.Name, InputShape.Zeros);

        long[] counts = [.. _bindings.Select(b => b.Count).OfType<long>().Distinct()];
        long count = counts.Length switch
        {
            0 => 1,
            1 when counts[0] is > 0 and <= int.MaxValue => counts[0],
            1 => throw new DataException($"'{path}' holds {counts[0]} samples."),
            _ => throw new DataException($"The arrays of '{path}' disagree on the number of samples: {string.Join(", ", _bindings.Where(b => b.Count is not null).Select(b => $"'{b.Input.Name}' has {b.Count}"))}."),
        };
        Count = (int)count;

        string? label = s_labelNames.FirstOrDefault(n => arrays.ContainsKey(n) && inputs.All(i => i.Name != n));
        RowValues? beside = options.Labels is not null ? RowValues.Read(options.Labels, Count) : label is null ? null : RowValues.Of(arrays[label], Count);
        _labels = beside?.IsInteger == true ? beside : null;
        _targets = options.Targets is not null ? RowValues.Read(options.Targets, Count) : beside?.IsInteger == false ? beside : null;
    }

    /// <inheritdoc/>
    public string Description => $"{Count} samples of {string.Join(", ", _bindings.Select(b => $"'{b.Input.Name}'"))} from '{_path}'";

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public bool HasLabels => _labels is not null;

    /// <inheritdoc/>
    public ImmutableArray<string> ClassNames { get; }

    /// <inheritdoc/>
    public IReadOnlyList<ValueInfo> Inputs { get; }

    /// <inheritdoc/>
    public ImmutableDictionary<string, string> StateLinks { get; }

    /// <inheritdoc/>
    public Sample Read(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        ImmutableDictionary<string, Tensor>.Builder inputs = _zeros.ToBuilder();
        Tensor? padded = null;
        foreach (ArrayBinding binding in _bindings)
        {
            (inputs[binding.Input.Name], Tensor? ids) = binding.Read(index);
            padded ??= ids;
        }

        return new Sample(inputs.ToImmutable())
        {
            Label = _labels?.Label(index),
            Target = _targets?.Target(index) ?? padded,
            Name = $"{_path}[{index}]",
            StartsSequence = StateLinks.IsEmpty || index == 0,
        };
    }

    private static Dictionary<string, NpyArray> Assign(string path, Dictionary<string, NpyArray> arrays, IReadOnlyList<ValueInfo> inputs, ImmutableDictionary<string, string> links)
    {
        Dictionary<string, NpyArray> found = [];
        foreach (ValueInfo input in inputs)
        {
            if (arrays.GetValueOrDefault(input.Name) is { } exact)
            {
                found[input.Name] = exact;
            }
            else if (arrays.GetValueOrDefault(FileName(input.Name)) is { } named)
            {
                found[input.Name] = named;
            }
        }

        ValueInfo[] missing = [.. inputs.Where(i => !found.ContainsKey(i.Name) && !links.ContainsValue(i.Name))];
        string[] unnamed = [.. arrays.Keys.Where(k => !s_labelNames.Contains(k) && inputs.All(i => i.Name != k && FileName(i.Name) != k))];
        if (missing is [var only] && unnamed is [var one])
        {
            found[only.Name] = arrays[one];
        }
        else if (missing.Length > 0)
        {
            throw new DataException(
                $"'{path}' has no array for the input '{missing[0].Name}' {InputShape.Text(missing[0])}; it holds {string.Join(", ", arrays.Keys.Order(StringComparer.Ordinal).Take(10).Select(k => $"'{k}'"))}. Name the arrays as the model's inputs.");
        }

        return found;
    }

    /// <summary>An input's name where a file's may not hold it: input:0 is input_0.</summary>
    private static string FileName(string name) => string.Concat(name.Select(c => char.IsLetterOrDigit(c) || c is '_' or '-' or '.' ? c : '_'));
}
