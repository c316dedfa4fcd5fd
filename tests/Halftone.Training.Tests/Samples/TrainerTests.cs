using Halftone.Samples.Train;
using TorchSharp;
using static TorchSharp.torch;

namespace Halftone.Training.Tests.Samples;

public sealed class TrainerTests
{
    private static readonly TrainingOptions s_options = new() { Epochs = 1, BatchSize = 32, LearningRate = 0.05 };

    public TrainerTests()
    {
        NativeLibraries.Prepare();
        set_num_threads(1);
        random.manual_seed(1);
    }

    public static TheoryData<string> Names => [.. Networks.All.Select(spec => spec.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Training_steps_keep_the_count_of_live_tensors(string name)
    {
        (float[] images, long[] labels) = Batches.InOrder(SampleFiles.Calibration, 8).First();
        using TrainableNetwork network = new(Networks.All.Single(spec => spec.Name == name));
        using Trainer trainer = new(network, s_options);

        // the first steps make the momentum and the gradients, which stay
        List<long> live = [];
        for (int i = 0; i < 12; i++)
        {
            trainer.Step(images, labels, 12);
            live.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }

        Assert.All(live.Skip(2), count => Assert.Equal(live[2], count));
    }

    [Fact]
    public void A_trained_network_gives_all_its_tensors_back()
    {
        (float[] images, long[] labels) = Batches.InOrder(SampleFiles.Calibration, 8).First();
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (TrainableNetwork network = new(Networks.All[0]))
        {
            using Trainer trainer = new(network, s_options);
            trainer.Step(images, labels, 1);
            trainer.UseAverage();
        }

        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void The_loss_falls_on_real_images()
    {
        using TrainableNetwork network = new(Networks.All[1]);
        using Trainer trainer = new(network, s_options);
        Random random = new(1);
        List<double> losses = [];
        for (int epoch = 0; epoch < 3; epoch++)
        {
            losses.Add(Batches.Augmented(SampleFiles.Calibration, 32, random).Average(batch => trainer.Step(batch.Images, batch.Labels, 48)));
        }

        // ln 10 = 2.3 is the loss of a guess
        Assert.True(losses[2] < losses[0] && losses[2] < 2.0, string.Join(", ", losses));
    }

    [Fact]
    public void The_network_ends_with_the_averaged_weights()
    {
        (float[] images, long[] labels) = Batches.InOrder(SampleFiles.Calibration, 8).First();
        using TrainableNetwork network = new(Networks.All[1]);
        using Trainer trainer = new(network, s_options);
        float[] start = First(network);
        trainer.Step(images, labels, 2);
        float[] first = First(network);
        trainer.Step(images, labels, 2);
        float[] second = First(network);
        trainer.UseAverage();

        // keep = (1 + t) / (10 + t): 2/11 after the first step, 3/12 after the second
        float[] expected = [.. start.Zip(first, second).Select(v => (float)((3.0 / 12 * ((2.0 / 11 * v.First) + (9.0 / 11 * v.Second))) + (9.0 / 12 * v.Third)))];
        Assert.All(expected.Zip(First(network)), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
        Assert.False(network.training);
    }

    [Fact]
    public void A_cancelled_training_stops()
    {
        using TrainableNetwork network = new(Networks.All[1]);
        using Trainer trainer = new(network, s_options);
        using CancellationTokenSource stop = new();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => trainer.Train(SampleFiles.Calibration, cancel: stop.Token));
    }

    private static float[] First(TrainableNetwork network) => network.State().First().data<float>().ToArray();
}
