using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Data;

/// <summary>Samples that run through the model at once.</summary>
/// <param name="Inputs">By input name; the samples' tensors one after another along the first axis.</param>
/// <param name="Samples">The samples, in that order.</param>
public sealed record Batch(IReadOnlyDictionary<string, Tensor> Inputs, ImmutableArray<Sample> Samples)
{
    /// <summary>The outputs of each sample: rows along the first axis of every output, which must have as many as there are samples (or a multiple).</summary>
    /// <exception cref="ArgumentException">An output has no such axis.</exception>
    public IEnumerable<(Sample Sample, IReadOnlyDictionary<string, Tensor> Outputs)> Split(IReadOnlyDictionary<string, Tensor> outputs)
    {
        if (Samples.Length == 1)
        {
            return [(Samples[0], outputs)];
        }

        foreach ((string name, Tensor tensor) in outputs)
        {
            if (tensor.Dims.Length == 0 || tensor.Dims[0] % Samples.Length != 0 || tensor.Type.Bits() % 8 != 0)
            {
                throw new ArgumentException($"The output '{name}' [{string.Join(",", tensor.Dims)}] of a batch of {Samples.Length} has no rows for each sample; run with batches of 1.", nameof(outputs));
            }
        }

        return Samples.Select((sample, i) => (sample, (IReadOnlyDictionary<string, Tensor>)outputs.ToDictionary(o => o.Key, o => Part(o.Value, i))));
    }

    private Tensor Part(Tensor tensor, int index)
    {
        int size = (int)(tensor.ByteLength / Samples.Length);
        return new Tensor(tensor.Type, [tensor.Dims[0] / Samples.Length, .. tensor.Dims[1..]], tensor.Bytes.Slice(index * size, size).ToArray());
    }
}

/// <summary>Reads samples and puts those together that can run together.</summary>
public static class Batches
{
    /// <summary>Batches in the order of the samples.</summary>
    /// <remarks>
    /// <para>Samples are stacked along the first axis when the model leaves that axis of every input free, each tensor has length 1 there, and all lengths agree with the sample before;
    /// a sample of other lengths starts a new batch. Models with a fixed batch, a scalar input or a carried state get one sample at a time.</para>
    /// <para>Memory: one batch.</para>
    /// </remarks>
    /// <param name="data">The samples.</param>
    /// <param name="indices">Which, in what order; null for all.</param>
    /// <param name="batchSize">Most samples a batch.</param>
    /// <param name="skipped">Takes the unreadable ones.</param>
    /// <param name="cancel">Ends the reading.</param>
    /// <exception cref="DataException">Too many samples cannot be read, or none can.</exception>
    public static IEnumerable<Batch> Of(IDataSet data, IEnumerable<int>? indices, int batchSize, SkippedFiles skipped, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        return Read(data, indices is null ? [.. Enumerable.Range(0, data.Count)] : [.. indices], batchSize, skipped, cancel);
    }

    /// <summary>Places of at most <paramref name="most"/> samples, evenly over a set, so that one sorted by class still shows every class.</summary>
    public static int[] Evenly(int count, int most)
    {
        int take = Math.Min(count, most);
        return [.. Enumerable.Range(0, take).Select(i => (int)((long)i * count / take))];
    }

    private static IEnumerable<Batch> Read(IDataSet data, int[] indices, int batchSize, SkippedFiles skipped, CancellationToken cancel)
    {
        bool stacks = data.StateLinks.IsEmpty && data.Inputs.All(InputShape.Stacks);
        List<Sample> waiting = [];
        int read = 0;
        foreach (int index in indices)
        {
            cancel.ThrowIfCancellationRequested();
            Sample sample;
            try
            {
                sample = data.Read(index);
            }
            catch (DataException error)
            {
                skipped.Add(index, error.Message, indices.Length);
                continue;
            }

            read++;
            if (waiting.Count > 0 && !(stacks && waiting.Count < batchSize && Agree(waiting[0], sample)))
            {
                yield return Stack(waiting);
                waiting.Clear();
            }

            waiting.Add(sample);
        }

        if (waiting.Count > 0)
        {
            yield return Stack(waiting);
        }

        if (read == 0)
        {
            throw new DataException($"There is no sample to read in {data.Description}{(skipped.All is [var first, ..] ? $": {first.Reason}" : ".")}");
        }
    }

    private static bool Agree(Sample a, Sample b) =>
        a.Inputs.Count == b.Inputs.Count && a.Inputs.All(i =>
            i.Value.Dims is [1, ..] && i.Value.Type.Bits() % 8 == 0 && b.Inputs.TryGetValue(i.Key, out Tensor? other) && other.Type == i.Value.Type && other.Dims.SequenceEqual(i.Value.Dims));

    private static Batch Stack(List<Sample> samples)
    {
        if (samples.Count == 1)
        {
            return new Batch(samples[0].Inputs, [samples[0]]);
        }

        Dictionary<string, Tensor> inputs = [];
        foreach ((string name, Tensor first) in samples[0].Inputs)
        {
            byte[] bytes = new byte[checked(first.ByteLength * samples.Count)];
            for (int i = 0; i < samples.Count; i++)
            {
                samples[i].Inputs[name].Bytes.CopyTo(bytes.AsSpan((int)(i * first.ByteLength)));
            }

            inputs[name] = new Tensor(first.Type, [samples.Count, .. first.Dims[1..]], bytes);
        }

        return new Batch(inputs, [.. samples]);
    }
}
