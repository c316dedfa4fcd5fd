using System.Diagnostics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Halftone.Samples.Train;

/// <summary>How a network is trained.</summary>
internal sealed record TrainingOptions
{
    /// <summary>Passes over the training set.</summary>
    public required int Epochs { get; init; }

    /// <summary>Seeds the weights, the order and the augmentation.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Images a step.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>The learning rate at its highest.</summary>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>How strongly weights are pulled to zero; norms and biases are left alone.</summary>
    public double WeightDecay { get; init; } = 5e-4;

    /// <summary>What share of the target goes to all classes alike.</summary>
    public double LabelSmoothing { get; init; } = 0.05;
}

/// <summary>One trained epoch.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Loss">The mean training loss.</param>
/// <param name="Elapsed">How long the epoch took.</param>
internal readonly record struct Epoch(int Number, double Loss, TimeSpan Elapsed);

/// <summary>Trains a network by SGD with Nesterov momentum, one learning-rate cycle and an average of the weights.</summary>
/// <remarks>
/// <para>Learning rate at step t of T, peak r, warm-up share w: r t / (w T) while t is below w T, then r (1 + cos(pi (t - w T) / (T - w T))) / 2.
/// From: Smith and Topin 2017, "Super-convergence", arXiv:1708.07120; the fall is a cosine here.</para>
/// <para>Average: a += (1 - d)(p - a) after each step, d = min(0.998, (1 + t) / (10 + t)), for parameters and running statistics; the network ends with a.</para>
/// </remarks>
internal sealed class Trainer : IDisposable
{
    private const double WarmUp = 0.2;
    private const double Momentum = 0.9;
    private const double LongestAverage = 0.998;

    private readonly TrainableNetwork _network;
    private readonly TrainingOptions _options;
    private readonly SGD _optimizer;
    private readonly DisposeScope _averageScope;
    private readonly Tensor[] _average;
    private int _step;

    /// <summary>Takes a network, which stays the caller's.</summary>
    public Trainer(TrainableNetwork network, TrainingOptions options)
    {
        (_network, _options) = (network, options);
        SGD.ParamGroup[] groups =
        [
            new(network.Decayed(), new SGD.Options { weight_decay = options.WeightDecay, momentum = Momentum, nesterov = true }),
            new(network.Undecayed(), new SGD.Options { weight_decay = 0, momentum = Momentum, nesterov = true }),
        ];
        _optimizer = optim.SGD(groups, options.LearningRate, Momentum, nesterov: true);
        _averageScope = NewDisposeScope();
        _average = [.. network.State().Select(tensor => tensor.detach().clone().DetachFromDisposeScope())];
    }

    /// <summary>Trains through all epochs; the network then holds the averaged weights, in evaluation mode.</summary>
    public void Train(ImageSet set, IProgress<Epoch>? progress = null, CancellationToken cancel = default)
    {
        Random random = new(_options.Seed);
        int steps = _options.Epochs * (set.Count / _options.BatchSize);
        for (int epoch = 1; epoch <= _options.Epochs; epoch++)
        {
            Stopwatch watch = Stopwatch.StartNew();
            double loss = 0;
            int batches = 0;
            foreach ((float[] images, long[] labels) in Batches.Augmented(set, _options.BatchSize, random))
            {
                cancel.ThrowIfCancellationRequested();
                loss += Step(images, labels, steps);
                batches++;
            }

            progress?.Report(new Epoch(epoch, loss / batches, watch.Elapsed));
        }

        UseAverage();
    }

    /// <summary>One step of <paramref name="steps"/> in all; gives the loss of the batch.</summary>
    public double Step(float[] images, long[] labels, int steps)
    {
        using DisposeScope scope = NewDisposeScope();
        double rate = LearningRate(_step, steps);
        foreach (optim.ILearningRateController group in _optimizer.ParamGroups)
        {
            group.LearningRate = rate;
        }

        _network.train();
        Tensor input = tensor(images, [labels.Length, 1, FashionMnist.Size, FashionMnist.Size]);
        Tensor loss = nn.functional.cross_entropy(_network.forward(input), tensor(labels), label_smoothing: _options.LabelSmoothing);
        _optimizer.zero_grad();
        loss.backward();
        _optimizer.step();
        _step++;
        Average();
        double value = loss.item<float>();
        return double.IsFinite(value) ? value : throw new InvalidOperationException($"The loss is {value} at step {_step}: lower --learning-rate.");
    }

    /// <summary>Puts the averaged weights into the network.</summary>
    public void UseAverage()
    {
        using (no_grad())
        {
            foreach ((Tensor tensor, Tensor average) in _network.State().Zip(_average))
            {
                tensor.copy_(average);
            }
        }

        _network.eval();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor tensor in _average)
        {
            tensor.Dispose();
        }

        _averageScope.Dispose();
        _optimizer.Dispose();
    }

    private void Average()
    {
        double keep = Math.Min(LongestAverage, (1.0 + _step) / (10.0 + _step));
        using (no_grad())
        {
            foreach ((Tensor tensor, Tensor average) in _network.State().Zip(_average))
            {
                average.mul_(keep).add_(tensor, alpha: 1 - keep);
            }
        }
    }

    private double LearningRate(int step, int steps)
    {
        double warm = WarmUp * steps;
        return step < warm
            ? _options.LearningRate * (step + 1) / warm
            : _options.LearningRate * (1 + Math.Cos(Math.PI * (step - warm) / (steps - warm))) / 2;
    }
}
