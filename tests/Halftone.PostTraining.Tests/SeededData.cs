using System.Collections.Immutable;
using Halftone.Data;
using Halftone.Numerics;
using Halftone.Onnx;

namespace Halftone.PostTraining.Tests;

/// <summary>Normal numbers (or small non-negative integers) from a seed, for the inputs of a model; it counts what is read of it.</summary>
internal sealed class SeededData(IReadOnlyList<ValueInfo> inputs, int count, int seed = 1) : IDataSet
{
    private int _reads;

    /// <summary>Samples read so far.</summary>
    public int Reads => _reads;

    /// <summary>Largest integer of an integer input.</summary>
    public int MostInteger { get; init; } = 9;

    /// <summary>Length of the free axes behind the first, by sample; 1 where it is not given.</summary>
    public Func<int, long> FreeLength { get; init; } = _ => 1;

    /// <summary>Class by sample.</summary>
    public Func<int, int?> Label { get; init; } = _ => null;

    /// <summary>Changes the numbers of an input before they are wrapped: sample, input, values.</summary>
    public Action<int, string, float[]>? Change { get; init; }

    /// <summary>Samples whose reading fails.</summary>
    public Func<int, bool> Broken { get; init; } = _ => false;

    /// <summary>Output to input.</summary>
    public ImmutableDictionary<string, string> StateLinks { get; init; } = ImmutableDictionary<string, string>.Empty;

    public string Description => $"{Count} seeded samples";

    public int Count => count;

    public bool HasLabels => count > 0 && Label(0) is not null;

    public ImmutableArray<string> ClassNames => [];

    public IReadOnlyList<ValueInfo> Inputs => inputs;

    public Sample Read(int index)
    {
        Interlocked.Increment(ref _reads);
        if (Broken(index))
        {
            throw new DataException($"'sample-{index}' is no sample.");
        }

        return new Sample(inputs.ToImmutableDictionary(i => i.Name, i => Value(i, index))) { Label = Label(index), Name = $"sample-{index}", StartsSequence = StateLinks.IsEmpty || index == 0 };
    }

    private Tensor Value(ValueInfo input, int index)
    {
        long[] dims = [.. input.Dims!.Select((d, axis) => d ?? (axis == 0 ? 1 : FreeLength(index)))];
        var random = new CounterRandom((seed * 100_003) + index);
        int length = (int)dims.Aggregate(1L, (a, b) => a * b);
        if (input.Type is ElementType.Bool)
        {
            return new Tensor(ElementType.Bool, dims, new byte[] { (byte)(index % 2) });
        }

        if (input.Type is ElementType.Int64)
        {
            return Tensor.Of([.. Enumerable.Range(0, length).Select(i => (long)(random.Uniform(i) * (MostInteger + 1)))], dims);
        }

        float[] values = Net.Normal(random, length);
        Change?.Invoke(index, input.Name, values);
        return Tensor.Of(values, dims);
    }
}
