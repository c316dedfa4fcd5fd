using System.Diagnostics;
using System.Globalization;
using Halftone.Engine.Tests.Sessions.Nets;
using Halftone.Onnx;
using Halftone.Onnx.Tests.Mutations;

namespace Halftone.Engine.Tests.Sessions;

/// <summary>Whatever a model says, it is run or refused in one sentence, soon and in bounded memory.</summary>
public sealed class HostileModelTests
{
    private const long Memory = 64L << 20;
    private const long MostManaged = 1L << 30;
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(20);
    private static readonly EngineOptions s_options = new() { MaxMemory = Memory };
    private static readonly Gen<(int Seed, int Length)> s_nets = Gen.Select(Gen.Int[0, int.MaxValue - 1], Gen.Int[1, 6]);

    private int _ran;
    private int _refused;

    [Fact]
    public async Task Broken_models_are_run_or_refused()
    {
        // on a thread of its own, so that an endless loop ends the test
        await Task.Run(() => Gen.Select(s_nets, Gen.Int[0, int.MaxValue - 1], Gen.Int[1, 3]).Sample(
            (net, seed, changes) =>
            {
                Model model = Net(net);
                Vandal.Break(model, seed, changes);
                Bounded(() => Use(() => model));
            },
            iter: 6000,
            threads: 1)).WaitAsync(TimeSpan.FromMinutes(5));
        Assert.True(_ran > 1000, $"only {_ran} ran");
        Assert.True(_refused > 1000, $"only {_refused} were refused");
    }

    [Fact]
    public async Task Broken_files_are_run_or_refused()
    {
        await Task.Run(() => Gen.Select(s_nets, Mutation.Gen.Array[1, 2]).Sample(
            (net, mutations) =>
            {
                byte[] mutant = Net(net).ToBytes();
                foreach (Mutation mutation in mutations)
                {
                    if (MapOf(mutant) is { } map)
                    {
                        mutant = mutation.Apply(map);
                    }
                }

                Bounded(() => Use(() => Model.Parse(mutant)));
            },
            iter: 4000,
            threads: 1,
            print: s => string.Create(CultureInfo.InvariantCulture, $"{s.Item1}: {string.Join("; ", s.Item2)}"))).WaitAsync(TimeSpan.FromMinutes(5));
        Assert.True(_ran > 400, $"only {_ran} ran");
        Assert.True(_refused > 400, $"only {_refused} were refused");
    }

    private static Model Net((int Seed, int Length) net) => (net.Seed % 3 == 0 ? IntegerNet.Make(net.Seed, net.Length) : QdqNet.Make(net.Seed, net.Length)).Model;

    private void Use(Func<Model> make)
    {
        try
        {
            using EngineSession session = EngineSession.Load(make(), s_options);
            Dictionary<string, Tensor> feed = [];
            foreach (ValueInfo input in session.Inputs)
            {
                long[] dims = [.. (input.Dims ?? []).Select(d => d ?? 2)];
                if (input.Type.Bits() < 8 || dims.Any(d => d is < 0 or > 1 << 20) || dims.Aggregate(1.0, (a, b) => a * b) > 1 << 20)
                {
                    return; // it was taken; memory for this input is the caller's to find
                }

                var bytes = new byte[input.Type.ByteCount(dims.Aggregate(1L, (a, b) => a * b))];
                new Random(1).NextBytes(bytes);
                feed[input.Name] = new Tensor(input.Type, dims, bytes);
            }

            session.Run(feed);
            _ran++;
        }
        catch (ModelException error)
        {
            Assert.NotEmpty(error.Message);
            _refused++;
        }
    }

    /// <summary>Runs within the limits; time, which other programs take too, is asked for up to three times.</summary>
    private static void Bounded(Action work)
    {
        for (int attempt = 1; ; attempt++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            var watch = Stopwatch.StartNew();
            work();
            TimeSpan took = watch.Elapsed;
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated <= MostManaged, $"{allocated} bytes allocated");
            if (took <= s_longest)
            {
                return;
            }

            Assert.True(attempt < 3, $"took {took}");
        }
    }

    private static WireMap? MapOf(byte[] bytes)
    {
        try
        {
            WireMap map = new(bytes);
            return map.Structure.Length > 0 && map.Fields.Count > 0 ? map : null;
        }
        catch (Exception error) when (error is IndexOutOfRangeException or ArgumentException)
        {
            return null; // no longer of fields
        }
    }
}
