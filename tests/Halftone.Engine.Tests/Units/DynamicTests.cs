using Halftone.Engine.Steps;
using Halftone.Engine.Tests.Dense;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Units;

/// <summary>Dynamic quantization and integer products against ONNX Runtime: sums exact, floats bit for bit where it computes node by node.</summary>
public sealed class DynamicTests
{
    private static readonly Gen<(int Seed, int K, int N, int M)> s_lengths = Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 70], Gen.Int[1, 70], Gen.Int[1, 9]);

    [Fact]
    public void Ranges_and_codes() => Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 100], Gen.Int[0, 3]).Sample((seed, count, kind) =>
    {
        float[] x = RandomTensors.Floats(seed, 2, count).ToFloats();
        x = kind switch { 0 => x, 1 => [.. x.Select(MathF.Abs)], 2 => [.. x.Select(v => -MathF.Abs(v))], _ => new float[x.Length] };
        Model model = Create(["codes", "scale", "zero"], ("x", Tensor.Of(x, 2, count)));
        model.Graph.Add(new Node("n", "DynamicQuantizeLinear", ["x"], ["codes", "scale", "zero"]));
        UnitRun.Check(model, new Dictionary<string, Tensor> { ["x"] = Tensor.Of(x, 2, count) }, "DynamicQuantizeLinear", typeof(DynamicQuantizeStep), spread: 0);
    }, iter: 12);

    [Fact]
    public void Matrix_chains() => s_lengths.Sample((seed, k, n, m) =>
    {
        Tensor x = RandomTensors.Floats(seed, 1 + (seed % 3), m, k);
        Model model = Create(["y"], ("x", x));
        Chain(model, seed, "MatMulInteger", [k, n], n, seed % 2 == 0 ? [n] : [], seed % 5 > 1 ? [n] : null);
        Dictionary<string, Tensor> inputs = new() { ["x"] = x };
        UnitRun.Check(model, inputs, "MatMulInteger", typeof(SumsRowsStep));
        UnitRun.Check(model, inputs, "MatMulInteger", typeof(SumsRowsStep), tolerance: 1e-6, optimize: true);
    }, iter: 10);

    [Fact]
    public void Convolution_chains() => Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 9], Gen.Int[1, 20], Gen.Int[1, 3]).Sample((seed, channels, outputs, groups) =>
    {
        if (seed % 4 == 0)
        {
            (channels, outputs, groups) = (1, 1, 2 + (seed % 30));
        }

        Tensor x = RandomTensors.Floats(seed, 1 + (seed % 2), groups * channels, 5 + (seed % 4), 7);
        Model model = Create(["y"], ("x", x));
        int filters = groups * outputs;
        Node conv = Chain(model, seed, "ConvInteger", [filters, channels, 3, 2 + (seed / 3 % 2)], filters, seed % 2 == 0 ? [1, filters, 1, 1] : [], seed % 5 > 1 ? [1, filters, 1, 1] : null);
        Shape(conv, seed, groups);
        UnitRun.Check(model, new Dictionary<string, Tensor> { ["x"] = x }, "ConvInteger", typeof(SumsPlanesStep));
    }, iter: 15);

    [Fact]
    public void Integer_matrices() => Gen.Select(s_lengths, Gen.Int[0, 2]).Sample((lengths, zero) =>
    {
        (int seed, int k, int n, int m) = lengths;
        Dictionary<string, Tensor> inputs = new() { ["a"] = RandomTensors.Codes(seed, signed: seed % 2 == 0, 2, m, k) };
        Tensor weight = RandomTensors.Codes(seed + 1, signed: seed % 3 > 0 || seed % 2 == 0, k, n);
        Integer("MatMulInteger", inputs, weight, zero, _ => { }, typeof(ProductStep));
    }, iter: 12);

    [Fact]
    public void Integer_convolutions() => Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 9], Gen.Int[1, 20], Gen.Int[1, 3], Gen.Int[0, 2]).Sample((seed, channels, outputs, groups, zero) =>
    {
        Dictionary<string, Tensor> inputs = new() { ["a"] = RandomTensors.Codes(seed, signed: false, 2, groups * channels, 6, 5 + (seed % 4)) };
        Tensor weight = RandomTensors.Codes(seed + 1, signed: seed % 3 > 0, groups * outputs, channels, 3, 2);
        Integer("ConvInteger", inputs, weight, zero, n => Shape(n, seed, groups), typeof(SumsPlanesStep));
    }, iter: 12);

    [Fact]
    public void Fused_products() => s_lengths.Sample((seed, k, n, m) =>
    {
        Tensor weight = RandomTensors.Codes(seed + 1, signed: true, k, n);
        long[] each = seed % 2 == 0 ? [n] : [];
        Tensor scales = RandomTensors.Scales(seed, each);
        Tensor zeros = Tensor.Of([.. RandomTensors.Codes(seed + 3, signed: true, seed % 2 == 0 ? n : 1).ToInt64s().Select(z => (sbyte)Math.Max(z, -127))], each);
        Tensor bias = RandomTensors.Floats(seed, n);

        Dictionary<string, Tensor> floats = new() { ["a"] = RandomTensors.Floats(seed, m, k) };
        Model dynamic = Create(["y"], ("a", floats["a"]));
        Constants(dynamic, ("w", weight), ("ws", scales), ("wz", zeros), ("b", bias));
        dynamic.Graph.Add(new Node("n", "DynamicQuantizeMatMul", ["a", "w", "ws", "wz", seed % 3 == 0 ? "" : "b"], ["y"], "com.microsoft"));
        UnitRun.Check(dynamic, floats, "DynamicQuantizeMatMul", typeof(SumsRowsStep), tolerance: 1e-6);

        Dictionary<string, Tensor> codes = new() { ["a"] = RandomTensors.Codes(seed, seed % 5 == 0, 3, m, k), ["as"] = RandomTensors.Scales(seed + 5), ["az"] = RandomTensors.Codes(seed + 6, seed % 5 == 0) };
        Model integer = Create(["y"], [.. codes.Select(c => (c.Key, c.Value))]);
        Constants(integer, ("w", weight), ("ws", scales), ("wz", zeros), ("b", bias));
        integer.Graph.Add(new Node("n", "MatMulIntegerToFloat", ["a", "w", "as", "ws", "az", "wz", seed % 3 == 0 ? "" : "b"], ["y"], "com.microsoft"));
        UnitRun.Check(integer, codes, "MatMulIntegerToFloat", typeof(SumsRowsStep), tolerance: 1e-6);
    }, iter: 10);

    [Fact]
    public void A_border_that_two_zero_points_want_is_not_shared()
    {
        // both convolutions read the same codes, each with a zero point of its own
        Dictionary<string, Tensor> inputs = new()
        {
            ["a"] = RandomTensors.Codes(1, false, 1, 3, 6, 6),
            ["z1"] = Tensor.Scalar((byte)9),
            ["z2"] = Tensor.Scalar((byte)200),
        };
        Model model = Create(["y1", "y2", "y3"], [.. inputs.Select(i => (i.Key, i.Value))]);
        Constants(model, ("w", RandomTensors.Codes(2, true, 4, 3, 3, 3)), ("z3", Tensor.Scalar((byte)77)));
        foreach (int i in (int[])[1, 2, 3])
        {
            model.Graph.Add(new Node($"n{i}", "ConvInteger", ["a", "w", $"z{i}"], [$"y{i}"]).With("pads", [1L, 1, 1, 1]));
        }

        UnitRun.Check(model, inputs, "none", typeof(SumsPlanesStep));
    }

    [Fact]
    public void Weights_whose_differences_take_nine_bits_are_right_too()
    {
        Dictionary<string, Tensor> inputs = new() { ["a"] = RandomTensors.Codes(1, false, 4, 30) };
        Model model = Create(["y"], ("a", inputs["a"]));
        Constants(model, ("w", Tensor.Of([.. Enumerable.Range(0, 30 * 16).Select(i => (byte)(255 - (i % 3)))], 30, 16)));
        model.Graph.Add(new Node("n", "MatMulInteger", ["a", "w"], ["y"]));
        UnitRun.Check(model, inputs, "MatMulInteger", null);
    }

    private static void Integer(string op, Dictionary<string, Tensor> inputs, Tensor weight, int zero, Action<Node> shape, Type kind)
    {
        Tensor z = new(inputs["a"].Type, [], new byte[] { 77 });
        if (zero == 2)
        {
            inputs["z"] = z;
        }

        // a difference of 255 is more than two signed bytes hold; its test is another
        byte wz = weight.Type == ElementType.Int8 ? (byte)Math.Max((sbyte)weight.Bytes[0], (sbyte)-127) : Math.Max(weight.Bytes[0], (byte)1);
        Model model = Create(["y"], [.. inputs.Select(i => (i.Key, i.Value))]);
        Constants(model, ("w", weight), ("wz", new Tensor(weight.Type, [], new[] { wz })));
        if (zero == 1)
        {
            model.Graph.SetConstant("z", z);
        }

        shape(model.Graph.Add(new Node("n", op, ["a", "w", zero == 0 ? "" : "z", "wz"], ["y"])));
        UnitRun.Check(model, inputs, op, kind);
    }

    private static Node Chain(Model model, int seed, string op, long[] weight, int channels, long[] scales, long[]? bias)
    {
        bool unsigned = seed % 3 == 0;
        Constants(
            model,
            ("w", RandomTensors.Codes(seed, !unsigned, weight)),
            ("ws", RandomTensors.Scales(seed, scales)),
            ("wz", new Tensor(unsigned ? ElementType.UInt8 : ElementType.Int8, [], new byte[] { (byte)(unsigned ? 120 : 0) })));
        model.Graph.Add(new Node("q", "DynamicQuantizeLinear", ["x"], ["codes", "scale", "zero"]));
        Node integer = model.Graph.Add(new Node("i", op, ["codes", "w", "zero", "wz"], ["sums"]));
        model.Graph.Add(new Node("c", "Cast", ["sums"], ["floats"]).With("to", (long)ElementType.Float));
        model.Graph.Add(new Node("s", "Mul", ["scale", "ws"], ["scales"]));
        model.Graph.Add(new Node("m", "Mul", seed % 7 == 0 ? ["scales", "floats"] : ["floats", "scales"], [bias is null ? "y" : "scaled"]));
        if (bias is not null)
        {
            Constants(model, ("b", RandomTensors.Floats(seed, bias)));
            model.Graph.Add(new Node("a", "Add", seed % 11 < 5 ? ["b", "scaled"] : ["scaled", "b"], ["y"]));
        }

        return integer;
    }

    private static void Shape(Node node, int seed, int groups) =>
        node.With("group", groups).With("pads", [seed % 2, 1L, 0, seed % 3]).With("strides", [1L, 1 + (seed % 2)]).With("dilations", [1L + (seed % 2), 1]);

    private static Model Create(string[] outputs, params (string Name, Tensor Value)[] inputs)
    {
        Model model = Model.Create(
            17,
            inputs.Select(i => new ValueInfo(i.Name, i.Value.Type, [.. i.Value.Dims.Select(d => (long?)d)])),
            outputs.Select(o => new ValueInfo(o, ElementType.Undefined, null)));
        model.SetOpset("com.microsoft", 1);
        return model;
    }

    private static void Constants(Model model, params (string Name, Tensor Value)[] constants)
    {
        foreach ((string name, Tensor value) in constants)
        {
            model.Graph.SetConstant(name, value);
        }
    }
}
