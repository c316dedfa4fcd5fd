using Halftone.Data;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.Onnx.Passes;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Equalization;

namespace Halftone.PostTraining.Tests.Equalization;

/// <summary>What the tests of passes share: models made ready, contexts that know samples, and what changed.</summary>
internal static class Equalized
{
    /// <summary>After the standard passes.</summary>
    public static (Model Model, PassContext Context) Ready(Model model, IDataSet? data = null)
    {
        Model ready = model.Clone();
        var folded = new PassContext();
        StandardPasses.Apply(ready, folded);
        return (ready, Context(ready, data, folded.BatchNorm));
    }

    /// <summary>A context that learns from samples.</summary>
    public static PassContext Context(Model model, IDataSet? data, Dictionary<string, BatchNormMoments>? moments = null)
    {
        IReadOnlyDictionary<string, ObservedValue>? seen = data is null ? null : Calibrator.Observe(model, Batches.Of(data, null, 1, new SkippedFiles()).First().Inputs);
        var options = new CalibrationOptions { Threads = 1, Samples = 64 };
        return new()
        {
            BatchNorm = moments ?? [],
            ChannelRanges = data is null ? null : axes => LearnedRanges.Of(model, axes, seen!, data, options, CancellationToken.None),
            LayerInputs = data is null ? null : sites => LayerInputs.SecondMoments(model, sites, seen!, data, options).Found,
            Lengths = value => seen?.GetValueOrDefault(value) is { } at ? at.Dims : null,
        };
    }

    /// <summary>Greatest difference of the outputs, and the greatest magnitude of the first model's.</summary>
    public static (double Difference, double Scale) Difference(Model before, Model after, IDataSet data)
    {
        using OrtSession first = OrtSession.Load(before, new OrtOptions { Threads = 1 });
        using OrtSession second = OrtSession.Load(after, new OrtOptions { Threads = 1 });
        (double difference, double scale) = (0, 0);
        foreach (Batch batch in Batches.Of(data, null, 8, new SkippedFiles()))
        {
            IReadOnlyDictionary<string, Tensor> a = first.Run(batch.Inputs);
            IReadOnlyDictionary<string, Tensor> b = second.Run(batch.Inputs);
            foreach (string output in a.Keys.Where(k => a[k].Type is ElementType.Float))
            {
                foreach ((float x, float y) in a[output].ToFloats().Zip(b[output].ToFloats()))
                {
                    difference = Math.Max(difference, Math.Abs(x - (double)y));
                    scale = Math.Max(scale, Math.Abs(x));
                }
            }
        }

        return (difference, scale);
    }

    /// <summary>Requires that a model computes the same: 1e-4 at most, on logits of the order of 10.</summary>
    public static void RequireSame(Model before, Model after, IDataSet data)
    {
        (double difference, double scale) = Difference(before, after, data);
        Assert.True(difference <= 1e-4 * Math.Max(1, scale / 10), $"{difference} at {scale}");
    }

    /// <summary>The same function, made hard to quantize: each channel between two layers times 2^u, u even in (-4, 4).</summary>
    public static Model Corrupted(Model ready, int seed)
    {
        Model model = ready.Clone();
        var map = ChannelMap.Of(model.Graph, new PassContext(), shared: false);
        var scales = new ChannelScales(model.Graph, map);
        var random = new CounterRandom(seed);
        foreach (int id in map.Pairs().SelectMany(p => p.Makes.Ids))
        {
            scales[id] = Math.Pow(2, (8 * random.Uniform(id)) - 4);
        }

        scales.Apply(new PassContext());
        return model;
    }

    /// <summary>Right of the labels, in percent.</summary>
    public static double Accuracy(Model model, IDataSet data)
    {
        using OrtSession session = OrtSession.Load(model, new OrtOptions { Threads = 1 });
        (int right, int all) = (0, 0);
        foreach (Batch batch in Batches.Of(data, null, 32, new SkippedFiles()))
        {
            foreach ((Sample sample, IReadOnlyDictionary<string, Tensor> outputs) in batch.Split(session.Run(batch.Inputs)))
            {
                right += System.Numerics.Tensors.TensorPrimitives.IndexOfMax<float>(outputs[model.Graph.Outputs[0].Name].ToFloats()) == sample.Label ? 1 : 0;
                all++;
            }
        }

        return 100.0 * right / all;
    }
}
