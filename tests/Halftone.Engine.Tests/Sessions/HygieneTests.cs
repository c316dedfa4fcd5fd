using System.Runtime.InteropServices;
using Halftone.Engine.Tests.Sessions.Nets;
using Halftone.Onnx;
using Halftone.PostTraining.Tests.Fusion;

namespace Halftone.Engine.Tests.Sessions;

/// <summary>What a session does to the process: memory, threads, lengths that change, inputs that do not fit.</summary>
public sealed class HygieneTests
{
    private static Model Net(string name) => QuantizedModels.Of(name, "intelcaffe-int8").Quantized;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_run_allocates_nothing(int threads)
    {
        using EngineSession session = EngineSession.Load(Net("fashion_resnet"), new EngineOptions { Threads = threads });
        Tensor x = Images(1);
        var output = new byte[40];
        EngineInput[] inputs = [new(x)];
        EngineOutput[] outputs = [new(output)];
        session.Run(inputs, outputs); // compiles for one image
        byte[] expected = [.. output];
        Nothing(() => session.Run(inputs, outputs));
        float[] values = x.ToFloats();
        var result = new float[10];
        Nothing(() => session.Run<float, float>(values, result));
        Assert.Equal(expected, MemoryMarshal.AsBytes<float>(result).ToArray());
    }

    [Theory]
    [InlineData("fashion_resnet")]
    [InlineData("fashion_mobilenet")]
    public void Any_number_of_threads_computes_the_same(string name)
    {
        Model model = Net(name);
        byte[]? expected = null;
        foreach (int threads in (int[])[1, 2, 3, 5])
        {
            using EngineSession session = EngineSession.Load(model, new EngineOptions { Threads = threads });
            for (int run = 0; run < 5; run++)
            {
                byte[] actual = Run(session, Images(3));
                Assert.Equal(expected ??= actual, actual);
            }
        }
    }

    [Fact]
    public void Random_nets_compute_the_same_in_any_number_of_threads() => Gen.Select(Gen.Int[0, int.MaxValue - 1], Gen.Int[1, 10]).Sample(
        (seed, length) =>
        {
            (Model model, Dictionary<string, Tensor> feed) = QdqNet.Make(seed, length);
            using EngineSession alone = EngineSession.Load(model);
            using EngineSession team = EngineSession.Load(model, new EngineOptions { Threads = 3 });
            IReadOnlyDictionary<string, Tensor> actual = team.Run(feed);
            Assert.All(alone.Run(feed), v => Assert.True(v.Value.Bytes.SequenceEqual(actual[v.Key].Bytes), v.Key));
        },
        iter: 60,
        threads: 1);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Runs_at_the_same_time_do_not_disturb_each_other(int threads)
    {
        using EngineSession session = EngineSession.Load(Net("fashion_resnet"), new EngineOptions { Threads = threads });
        Tensor[] images = [.. Enumerable.Range(0, 4).Select(i => Images(1 + (i % 3), i))];
        byte[][] expected = [.. images.Select(x => Run(session, x))];
        await Task.WhenAll(Enumerable.Range(0, 4).Select(caller => Task.Run(() =>
        {
            for (int run = 0; run < 40; run++)
            {
                int which = (caller + run) % images.Length;
                Assert.Equal(expected[which], Run(session, images[which]));
            }
        })));
    }

    [Fact]
    public void Batches_of_many_sizes_give_what_each_image_gives_alone()
    {
        using EngineSession session = EngineSession.Load(Net("fashion_mobilenet"));
        Tensor all = Images(12);
        byte[] alone = [.. Enumerable.Range(0, 12).SelectMany(i => Run(session, Slice(all, i, 1)))];
        for (int round = 0; round < 2; round++)
        {
            for (int size = 1; size <= 12; size++) // more than are kept
            {
                Assert.Equal(alone[..(size * 40)], Run(session, Slice(all, 0, size)));
            }
        }
    }

    [Fact]
    public void What_does_not_fit_is_told_by_name()
    {
        using EngineSession session = EngineSession.Load(Net("fashion_resnet"));
        string name = session.Inputs[0].Name;
        Tensor x = Images(1);
        Run(session, x);
        string[] messages =
        [
            Message(() => session.Run(new Dictionary<string, Tensor> { ["other"] = x })),
            Message(() => session.Run(new Dictionary<string, Tensor> { [name] = x.Reshape(1, 28, 28) })),
            Message(() => session.Run(new Dictionary<string, Tensor> { [name] = x.Reshape(1, 1, 14, 56) })),
            Message(() => session.Run(new Dictionary<string, Tensor> { [name] = Tensor.Of(new double[784], 1, 1, 28, 28) })),
            Message(() => session.Run([new(ElementType.Float, new byte[100], 1, 1, 28, 28)], [new(new byte[40])])),
            Message(() => session.Run([new(ElementType.Float, default, -1, 1, 28, 28)], [new(new byte[40])])),
            Message(() => session.Run([new(ElementType.Float, default, 1L << 40, 1, 28, 28)], [new(new byte[40])])),
            Message(() => session.Run<float, float>(new float[783], new float[10])),
            Message(() => session.Run<byte, float>(new byte[784], new float[10])),
        ];
        Assert.All(messages, m => Assert.Contains($"'{name}'", m, StringComparison.Ordinal));
        string output = session.Outputs[0].Name;
        Assert.Contains($"'{output}'", Message(() => session.Run([new(x)], [new(new byte[39])])), StringComparison.Ordinal);
        Assert.Contains($"'{output}'", Message(() => session.Run<float, float>(new float[784], new float[11])), StringComparison.Ordinal);
        float[] shared = new float[784];
        byte[] bytes = new byte[3136];
        Assert.Contains($"'{output}' overlaps", Message(() => session.Run<float, float>(shared, shared.AsSpan(774))), StringComparison.Ordinal);
        Assert.Contains($"'{output}' overlaps", Message(() => session.Run([new(ElementType.Float, bytes, 1, 1, 28, 28)], [new(bytes.AsMemory(0, 40))])), StringComparison.Ordinal);
        Assert.Contains("1 inputs", Message(() => session.Run([], [new(new byte[40])])), StringComparison.Ordinal);
        Run(session, x); // and goes on
    }

    [Fact]
    public void A_disposed_session_runs_no_more()
    {
        EngineSession session = EngineSession.Load(Net("fashion_resnet"), new EngineOptions { Threads = 2 });
        Tensor x = Images(1);
        Run(session, x);
        session.Dispose();
        session.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Run(session, x));
        Assert.Throws<ObjectDisposedException>(() => session.Run([new(x)], [new(new byte[40])]));
        Assert.Throws<ObjectDisposedException>(() => session.Run<float, float>(new float[784], new float[10]));
    }

    [Fact]
    public void Memory_beyond_what_is_allowed_is_refused()
    {
        using EngineSession session = EngineSession.Load(Net("fashion_resnet"), new EngineOptions { MaxMemory = 1 << 20 });
        Run(session, Images(1));
        Assert.Contains("1048576", Message(() => Run(session, Images(100))), StringComparison.Ordinal);
    }

    private static void Nothing(Action run)
    {
        for (int i = 0; i < 5; i++)
        {
            run(); // compiles methods
        }

        Assert.Equal(0, Allocations.Of(run));
    }

    private static string Message(Action act) => Assert.Throws<ModelException>(act).Message;

    private static byte[] Run(EngineSession session, Tensor x) => session.Run(new Dictionary<string, Tensor> { [session.Inputs[0].Name] = x }).Values.Single().Bytes.ToArray();

    private static Tensor Images(int count, int seed = 0)
    {
        var random = new Random(seed);
        return Tensor.Of([.. Enumerable.Range(0, count * 784).Select(_ => random.NextSingle())], count, 1, 28, 28);
    }

    private static Tensor Slice(Tensor images, int first, int count) => Tensor.Of(images.As<float>().Slice(first * 784, count * 784), count, 1, 28, 28);
}
