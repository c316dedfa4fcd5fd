using System.Diagnostics;
using System.Globalization;
using Halftone.Onnx.Opsets;
using Halftone.Onnx.Passes;

namespace Halftone.Onnx.Tests.Mutations;

/// <summary>Mutants of real models: each is read or refused in one sentence, soon, and in little memory; what is read can be worked with and saved.</summary>
public sealed class MutationTests : IDisposable
{
    private const int Iterations = 60_000; // five in six of them of real models
    private const long MemoryBeyondFile = 256L << 20;
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(1);

    private readonly TemporaryFolder _folder = new(); // with the data file of the victim that has one

    private static readonly Gen<WireMap> s_victims = Gen.Frequency(
        (83, Gen.Int[0, Victims.Slices.Length - 1].Select(i => Victims.Slices[i])),
        (2, Gen.Int[0, Math.Max(0, Victims.Whole.Length - 1)].Select(i => Victims.Whole.Length > 0 ? Victims.Whole[i] : Victims.Slices[0])),
        (1, Gen.Int[0, Victims.Samples.Length - 1].Select(i => Victims.Samples[i])),
        (14, Gen.Int[0, Victims.Odd.Length - 1].Select(i => Victims.Odd[i])));

    private int _count;
    private int _read;
    private int _hits;
    private int _payloadHits;

    [Fact]
    public async Task Mutants_are_read_or_refused()
    {
        var victims = Gen.Frequency((97, s_victims), (3, Gen.Const(WithExternalData())));

        // on a thread of its own, so that an endless loop ends the test
        await Task.Run(() => Gen.Select(victims, Mutation.Gen.Array[1, 3]).Sample(Check, iter: Iterations, threads: 1, print: Print)).WaitAsync(TimeSpan.FromMinutes(12));
        Assert.True(_count >= Iterations);
        Assert.True(_payloadHits <= _hits / 5, $"{_payloadHits} of {_hits} hits are within payloads");
        Assert.True(_read >= _count / 10, $"only {_read} of {_count} mutants were read at all"); // else nothing behind the reader was tried
    }

    public void Dispose() => _folder.Dispose();

    private WireMap WithExternalData()
    {
        var model = Model.Load(Paths.InRepository("samples/fashion_resnet.onnx"));
        model.Save(_folder.File("m.onnx"), externalData: true);
        return new WireMap(File.ReadAllBytes(_folder.File("m.onnx")));
    }

    private void Check(WireMap victim, Mutation[] mutations)
    {
        byte[] mutant = victim.Bytes;
        foreach (Mutation mutation in mutations)
        {
            if ((mutant == victim.Bytes ? victim : MapOf(mutant)) is not { } map)
            {
                break; // broken too much for another hit
            }

            _hits++;
            _payloadHits += mutation.HitsPayload ? 1 : 0;
            mutant = mutation.Apply(map);
        }

        _count++;
        Model? model = null;
        Bounded(mutant.Length, () => model = Read(mutant));
        if (model is not null)
        {
            _read++;
            Bounded(mutant.Length, () => Use(mutant));
        }
    }

    private Model? Read(byte[] mutant)
    {
        try
        {
            return ModelReader.Parse(mutant, "mutant", _folder.Path, path: null);
        }
        catch (ModelException error)
        {
            Assert.StartsWith("'mutant'", error.Message, StringComparison.Ordinal);
            return null;
        }
    }

    private void Use(byte[] mutant)
    {
        Model model = Read(mutant)!;
        Walk(model.Graph);
        model.Graph.Sort();
        Model again = Model.Parse(model.ToBytes(), "saved");
        Assert.Equal(model.Graph.Nodes.Count, again.Graph.Nodes.Count);
        Refusable(() => OpsetUpgrade.To(again, model.Opset < 13 ? 13 : 21), again);
        Refusable(() => StandardPasses.Apply(model, new PassContext()), model);
    }

    // what was not refused leaves a model that can be read
    private static void Refusable(Action work, Model model)
    {
        try
        {
            work();
        }
        catch (ModelException)
        {
            return;
        }

        Walk(model.Graph);
        Model.Parse(model.ToBytes(), "worked on");
    }

    private static void Walk(Graph graph)
    {
        foreach (Node node in graph.Nodes)
        {
            foreach (string input in node.Inputs.Concat(node.CapturedNames).Where(i => i.Length > 0))
            {
                Assert.Contains(node, graph.Consumers(input));
            }

            foreach (string output in node.Outputs.Where(o => o.Length > 0))
            {
                Assert.Same(node, graph.Producer(output));
                graph.Declared(output);
            }

            foreach (string attribute in node.AttributeNames)
            {
                (_, _, _, _) = (node.Int(attribute, 0), node.Text(attribute, ""), node.Ints(attribute), node.Floats(attribute));
            }
        }
    }

    /// <summary>Runs within the limits; time, which other programs take too, is asked for up to three times.</summary>
    private static void Bounded(int length, Action work)
    {
        for (int attempt = 1; ; attempt++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            var watch = Stopwatch.StartNew();
            work();
            TimeSpan took = watch.Elapsed;
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated <= MemoryBeyondFile + length, $"{allocated} bytes allocated for a file of {length}");
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

    private static string Print((WireMap Victim, Mutation[] Mutations) sample) =>
        string.Create(CultureInfo.InvariantCulture, $"{sample.Victim.Bytes.Length} bytes, {string.Join("; ", sample.Mutations)}");
}
