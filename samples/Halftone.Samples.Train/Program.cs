using System.CommandLine;
using System.Globalization;
using Halftone.Samples.Train;
using Halftone.Training;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;

using CancellationTokenSource stop = new();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    stop.Cancel();
};
try
{
    return Commands.Root(stop.Token).Parse(args).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("Stopped; nothing was written.");
    return 130;
}
catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
catch (Exception e)
{
    Console.Error.WriteLine(e);
    return 2;
}

/// <summary>What the program does.</summary>
internal static class Commands
{
    private static readonly Option<string> s_data = new("--data") { Description = "The folder with Fashion-MNIST's four files.", DefaultValueFactory = _ => FashionMnist.DebianFolder };
    private static readonly Option<string> s_output = new("--output") { Description = "The folder to write to.", DefaultValueFactory = _ => "samples" };
    private static readonly Option<int> s_seed = new("--seed") { Description = "Seeds all that is random.", DefaultValueFactory = _ => 1 };
    private static readonly Option<int> s_threads = new("--threads") { Description = "How many threads compute.", DefaultValueFactory = _ => 1 };

    /// <summary>The command line.</summary>
    public static RootCommand Root(CancellationToken cancel)
        => new("Trains the sample networks on Fashion-MNIST and picks the sample images.") { TrainCommand(cancel), EvaluateCommand(cancel), ImagesCommand() };

    private static Command TrainCommand(CancellationToken cancel)
    {
        Option<string> net = new("--net") { Description = "Which network.", Required = true };
        net.AcceptOnlyFromAmong([.. Networks.All.Select(spec => spec.Name)]);
        Option<int> epochs = new("--epochs") { Description = "Passes over the 60,000 training images.", DefaultValueFactory = _ => 12 };
        Option<int> batch = new("--batch-size") { Description = "Images a step.", DefaultValueFactory = _ => 128 };
        Option<double> rate = new("--learning-rate") { Description = "The learning rate at its highest.", DefaultValueFactory = _ => 0.1 };
        foreach (Option<int> positive in (Option<int>[])[epochs, batch, s_threads])
        {
            positive.Validators.Add(result =>
            {
                if (result.GetValueOrDefault<int>() < 1)
                {
                    result.AddError($"{positive.Name} must be at least 1.");
                }
            });
        }

        rate.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (> 0 and < double.PositiveInfinity))
            {
                result.AddError($"{rate.Name} must be a number above 0.");
            }
        });
        Command command = new("train", "Trains a network, writes it as ONNX and measures it in ONNX Runtime on the test set.") { net, epochs, batch, rate, s_seed, s_threads, s_data, s_output };
        command.SetAction(line => Train(
            Networks.All.First(spec => spec.Name == line.GetRequiredValue(net)),
            new TrainingOptions
            {
                Epochs = line.GetValue(epochs),
                BatchSize = line.GetValue(batch),
                LearningRate = line.GetValue(rate),
                Seed = line.GetValue(s_seed),
            },
            line.GetValue(s_threads),
            line.GetRequiredValue(s_data),
            line.GetRequiredValue(s_output),
            cancel));
        return command;
    }

    private static Command EvaluateCommand(CancellationToken cancel)
    {
        Argument<string> model = new("model") { Description = "The .onnx file." };
        Command command = new("evaluate", "Measures a model in ONNX Runtime on the 10,000 test images.") { model, s_threads, s_data };
        command.SetAction(line =>
        {
            string path = line.GetRequiredValue(model);
            byte[] file = File.ReadAllBytes(path);
            ImageSet test = FashionMnist.Test(line.GetRequiredValue(s_data));
            try
            {
                PrintAccuracy(path, OnnxAccuracy.Measure(file, test, line.GetValue(s_threads), cancel));
            }
            catch (OnnxRuntimeException e)
            {
                throw new InvalidDataException($"{path} does not run as a Fashion-MNIST network: {e.Message}", e);
            }
        });
        return command;
    }

    private static Command ImagesCommand()
    {
        Option<int> test = new("--test") { Description = "How many test images, from the first on.", DefaultValueFactory = _ => 2500 };
        Option<int> calibration = new("--calibration") { Description = "How many training images for calibration, balanced over the classes.", DefaultValueFactory = _ => 512 };
        Command command = new("images", "Writes the sample images and the classes' names.") { test, calibration, s_seed, s_data, s_output };
        command.SetAction(line =>
        {
            string data = line.GetRequiredValue(s_data);
            string folder = Path.Combine(line.GetRequiredValue(s_output), "fashion-mnist");
            Subsets.First(FashionMnist.Test(data), line.GetValue(test)).Write(folder, "test");
            Subsets.Balanced(FashionMnist.Train(data), line.GetValue(calibration), line.GetValue(s_seed)).Write(folder, "calib");
            WholeFile.Write(Path.Combine(folder, "classes.txt"), System.Text.Encoding.UTF8.GetBytes(string.Join('\n', FashionMnist.ClassNames) + "\n"));
        });
        return command;
    }

    private static void Train(NetworkSpec spec, TrainingOptions options, int threads, string data, string output, CancellationToken cancel)
    {
        ImageSet train = FashionMnist.Train(data);
        ImageSet test = FashionMnist.Test(data);
        NativeLibraries.Prepare();
        NativeHeap.KeepFreedBlocks();
        torch.set_num_threads(threads);
        torch.random.manual_seed(options.Seed);
        using TrainableNetwork network = new(spec);
        Print($"{spec.Name}: {network.parameters().Sum(parameter => parameter.numel()):N0} parameters, {options}, {threads} threads");
        using (Trainer trainer = new(network, options))
        {
            trainer.Train(train, new EpochPrinter(options.Epochs), cancel);
        }

        byte[] model = OnnxExport.Export(spec, network);
        string path = Path.Combine(output, $"{spec.Name}.onnx");
        double accuracy = OnnxAccuracy.Measure(model, test, threads, cancel);
        WholeFile.Write(path, model);
        PrintAccuracy(path, accuracy);
    }

    private static void PrintAccuracy(string path, double accuracy)
        => Print($"{path}: {new FileInfo(path).Length:N0} bytes, {accuracy:P2} of the test images right in ONNX Runtime");

    private static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    // Progress<T> would report later and from another thread.
    private sealed class EpochPrinter(int epochs) : IProgress<Epoch>
    {
        public void Report(Epoch value)
            => Print($"epoch {value.Number} of {epochs}: loss {value.Loss:F4}, {value.Elapsed.TotalSeconds:F0} s, {DisposeScopeManager.Statistics.ThreadTotalLiveCount} tensors live");
    }
}
