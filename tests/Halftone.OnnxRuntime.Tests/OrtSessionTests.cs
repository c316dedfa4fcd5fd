using Halftone.Onnx;

namespace Halftone.OnnxRuntime.Tests;

public sealed class OrtSessionTests
{
    private static Dictionary<string, Tensor> X(params float[] values) => new() { ["x"] = Tensor.Of(values, values.Length / 3, 3) };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Computes_what_the_graph_says(bool optimize)
    {
        using OrtSession session = OrtSession.Load(Samples.Linear(), new OrtOptions { Optimize = optimize });

        Tensor y = session.Run(X(1, 2, 3, -1, 0, 1))["y"];

        Assert.Equal([2, 2], y.Dims);
        Assert.Equal([12, 38, 0, 14], y.ToFloats());
    }

    [Fact]
    public void Shows_outputs_in_place_and_names_those_that_hold_no_floats()
    {
        Model model = Samples.Linear();
        model.Graph.Add(new Node("shape", "Shape", ["y"], ["lengths"]));
        model.Graph.ExposeOutput("lengths");
        using OrtSession session = OrtSession.Load(model);
        List<string> seen = [];

        IReadOnlyList<string> skipped = session.Run(
            X(1, 2, 3), ["lengths", "y"], (name, dims, values) => seen.Add($"{name} [{string.Join(",", dims.ToArray())}] {string.Join(" ", values.ToArray())}"));

        Assert.Equal(["y [1,2] 12 38"], seen);
        Assert.Equal(["lengths"], skipped);
    }

    [Fact]
    public void Feeds_and_fetches_every_element_type_that_Cast_takes()
    {
        Tensor[] values =
        [
            Tensor.Of([1f, 0f], 2), Tensor.Of([1.0, 0.0], 2), Tensor.Of([(Half)1, (Half)0], 2), Tensor.Of([true, false], 2), Tensor.Of<byte>([1, 0], 2), Tensor.Of<sbyte>([1, 0], 2),
            Tensor.Of<ushort>([1, 0], 2), Tensor.Of<short>([1, 0], 2), Tensor.Of([1, 0], 2), Tensor.Of([1u, 0u], 2), Tensor.Of([1L, 0L], 2), Tensor.Of([1ul, 0ul], 2),
        ];
        foreach (Tensor from in values)
        {
            foreach (Tensor to in values)
            {
                Model model = Model.Create(13, [new ValueInfo("x", from.Type, [2])], [new ValueInfo("y", to.Type, [2])]);
                model.Graph.Add(new Node("cast", "Cast", ["x"], ["y"]).With("to", (long)to.Type));
                using OrtSession session = OrtSession.Load(model);

                Tensor y = session.Run(new Dictionary<string, Tensor> { ["x"] = from })["y"];

                Assert.Equal(to.Type, y.Type);
                Assert.True(to.Bytes.SequenceEqual(y.Bytes), $"{from.Type} to {to.Type}");
            }
        }
    }

    [Fact]
    public void Takes_and_gives_tensors_without_elements()
    {
        using OrtSession session = OrtSession.Load(Samples.Linear());

        Tensor y = session.Run(new Dictionary<string, Tensor> { ["x"] = Tensor.Of(Array.Empty<float>(), 0, 3) })["y"];

        Assert.Equal([0, 2], y.Dims);
    }

    [Fact]
    public void Keeps_models_with_constants_in_another_file_in_a_temporary_folder()
    {
        using TemporaryFolder folder = new();
        Model large = Samples.Linear();
        large.Graph.SetConstant("w", Samples.Ramp(3, 400));
        large.Graph.SetConstant("b", Samples.Ramp(400));
        large.Save(folder.File("model.onnx"), externalData: true);
        Model mapped = Model.Load(folder.File("model.onnx"));
        Assert.True(mapped.Graph.Constant("w")!.IsMapped);

        using OrtSession fromMemory = OrtSession.Load(large);
        using OrtSession fromModel = OrtSession.Load(mapped);
        using OrtSession fromFile = OrtSession.Load(folder.File("model.onnx"));

        float[] expected = fromMemory.Run(X(1, 2, 3))["y"].ToFloats();
        Assert.Equal(expected, fromModel.Run(X(1, 2, 3))["y"].ToFloats());
        Assert.Equal(expected, fromFile.Run(X(1, 2, 3))["y"].ToFloats());
    }

    [Fact]
    public void Says_what_is_wrong_with_inputs_and_outputs()
    {
        using OrtSession session = OrtSession.Load(Samples.Linear());

        Assert.Contains("'x'", Assert.Throws<ModelException>(() => session.Run(new Dictionary<string, Tensor>())).Message);
        Assert.Contains("takes float, but was given int64", Assert.Throws<ModelException>(() => session.Run(new Dictionary<string, Tensor> { ["x"] = Tensor.Of([1L, 2L, 3L], 1, 3) })).Message);
        Assert.Contains("no input 'z'", Assert.Throws<ModelException>(() => session.Run(new Dictionary<string, Tensor>(X(1, 2, 3)) { ["z"] = Tensor.Scalar(1f) })).Message);
        Assert.Contains("no output 'p'", Assert.Throws<ModelException>(() => session.Run(X(1, 2, 3), ["p"])).Message);
        Assert.Contains("x", Assert.Throws<ModelException>(() => session.Run(new Dictionary<string, Tensor> { ["x"] = Tensor.Of([1f, 2f], 1, 2) })).Message);
    }

    [Fact]
    public void Names_the_node_that_fails()
    {
        Model model = Model.Create(13, [new ValueInfo("x", ElementType.Float, [null]), new ValueInfo("shape", ElementType.Int64, [null])], [new ValueInfo("y", ElementType.Float, null)]);
        model.Graph.Add(new Node("culprit", "Reshape", ["x", "shape"], ["y"]));
        using OrtSession session = OrtSession.Load(model);

        ModelException error = Assert.Throws<ModelException>(() => session.Run(new Dictionary<string, Tensor> { ["x"] = Tensor.Of([1f, 2f, 3f], 3), ["shape"] = Tensor.Of([2L], 1) }));

        Assert.Contains("'culprit'", error.Message);
        Assert.DoesNotContain("ErrorCode", error.Message);
    }

    [Fact]
    public void Says_why_a_model_does_not_load()
    {
        Model model = Model.Create(13, [new ValueInfo("x", ElementType.Float, [1])], [new ValueInfo("y", ElementType.Float, null)]);
        model.Graph.Add(new Node("n", "NoSuchOperator", ["x"], ["y"]));

        Assert.Contains("NoSuchOperator", Assert.Throws<ModelException>(() => OrtSession.Load(model)).Message);
        Assert.Throws<FileNotFoundException>(() => OrtSession.Load("/nowhere/model.onnx"));
    }

    [Fact]
    public void Refuses_strings()
    {
        Model model = Model.Create(13, [new ValueInfo("x", ElementType.Float, [1])], [new ValueInfo("y", ElementType.String, [1])]);
        model.Graph.Add(new Node("cast", "Cast", ["x"], ["y"]).With("to", (long)ElementType.String));
        using OrtSession session = OrtSession.Load(model);

        ModelException error = Assert.Throws<ModelException>(() => session.Run(new Dictionary<string, Tensor> { ["x"] = Tensor.Of([1f], 1) }));

        Assert.Contains("'y' holds string", error.Message);
    }

    [Fact]
    public void Stops_a_long_run_at_once()
    {
        using OrtSession session = OrtSession.Load(Chains.Long(nodes: 4000));
        using CancellationTokenSource stop = new(TimeSpan.FromMilliseconds(50));

        Assert.ThrowsAny<OperationCanceledException>(() => session.Run(new Dictionary<string, Tensor> { ["x"] = Samples.Ramp(256, 256) }, cancel: stop.Token));
    }

    [Fact]
    public void Runs_in_several_threads_at_once_with_equal_results()
    {
        using OrtSession session = OrtSession.Load(Samples.Linear());

        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => Assert.Equal(
            [Math.Max(0, i - 10), (2 * i) + 10], session.Run(X(i, 0, 0))["y"].ToFloats()));
    }

    [Fact]
    public void Loads_and_runs_real_models()
    {
        foreach (string name in (string[])["resnet8_cifar10", "dscnn_kws", "mnist_cntk", "fashion_mnist_mlp", "ppocr_cls", "blazeface_front_128", "fsrcnn_x2"])
        {
            string path = Paths.Shared($"data/models/{name}.onnx");
            using OrtSession fromFile = OrtSession.Load(path);
            using OrtSession fromModel = OrtSession.Load(Model.Load(path));
            Dictionary<string, Tensor> inputs = fromFile.Inputs.ToDictionary(
                i => i.Name, i => Samples.Ramp([.. i.Dims!.Select((d, axis) => d ?? (axis == 0 ? 1 : 32))]));

            foreach ((string output, Tensor value) in fromFile.Run(inputs))
            {
                Assert.True(value.Bytes.SequenceEqual(fromModel.Run(inputs)[output].Bytes), $"{name}: {output}");
            }
        }
    }
}

internal static class Chains
{
    /// <summary>x times one matrix, a number of times over: each a node of about a millisecond.</summary>
    public static Model Long(int nodes)
    {
        Model model = Model.Create(13, [new ValueInfo("x", ElementType.Float, [256, 256])], [new ValueInfo("y", ElementType.Float, null)]);
        model.Graph.SetConstant("w", Tensor.Of(new float[256 * 256], 256, 256));
        for (int i = 0; i < nodes; i++)
        {
            model.Graph.Add(new Node($"n{i}", "MatMul", [i == 0 ? "x" : $"h{i}", "w"], [i == nodes - 1 ? "y" : $"h{i + 1}"]));
        }

        return model;
    }
}
