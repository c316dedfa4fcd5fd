using Halftone.Engine.Tests.Dense;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Units;

/// <summary>A model in the QDQ form, put together node by node.</summary>
internal sealed class QdqModel
{
    private readonly int _seed;
    private int _count;

    /// <param name="seed">Of all random constants.</param>
    /// <param name="inputs">Lengths of the float inputs, by name.</param>
    /// <param name="outputs">Names of the outputs.</param>
    public QdqModel(int seed, IReadOnlyDictionary<string, long[]> inputs, params string[] outputs)
    {
        _seed = seed;
        Model = Model.Create(
            21,
            inputs.Select(i => new ValueInfo(i.Key, ElementType.Float, [.. i.Value.Select(d => (long?)d)])),
            outputs.Select(o => new ValueInfo(o, ElementType.Undefined, null)));
        Inputs = inputs.Select((i, k) => (i.Key, RandomTensors.Floats(seed + k, i.Value))).ToDictionary();
    }

    public Model Model { get; }

    /// <summary>Random values for the inputs.</summary>
    public IReadOnlyDictionary<string, Tensor> Inputs { get; }

    /// <summary>Quantizes a float value and dequantizes the codes.</summary>
    /// <returns>Name of the dequantized value.</returns>
    public string Qdq(string value, float scale, int zero, bool signed)
    {
        string name = $"{value}_{_count++}";
        Quantize(value, scale, zero, signed, name);
        return Node("DequantizeLinear", [name, $"{name}_scale", $"{name}_zero"], $"{name}_value").Outputs[0];
    }

    /// <summary>Quantizes a float value to codes of a name; their scale and zero point have names like it.</summary>
    public void Quantize(string value, float scale, int zero, bool signed, string codes)
    {
        Constant($"{codes}_scale", Tensor.Scalar(scale));
        Constant($"{codes}_zero", signed ? Tensor.Scalar((sbyte)(zero - 128)) : Tensor.Scalar((byte)zero));
        Node("QuantizeLinear", [value, $"{codes}_scale", $"{codes}_zero"], codes);
    }

    /// <summary>A weight of random codes, dequantized.</summary>
    /// <param name="axis">The axis with a scale an index; null for one scale.</param>
    /// <param name="unsigned">Whether codes are unsigned, with a zero point that leaves differences beyond a signed byte.</param>
    /// <param name="dims">Its lengths.</param>
    public string Weight(int? axis, bool unsigned, params long[] dims)
    {
        string name = $"w_{_count++}";
        Constant($"{name}_codes", RandomTensors.Codes(_seed + _count, !unsigned, dims));
        Constant($"{name}_scale", axis is { } a ? RandomTensors.Scales(_seed, dims[a]) : RandomTensors.Scales(_seed));
        long[] zeros = axis is { } b ? [dims[b]] : [];
        Constant($"{name}_zero", unsigned ? Tensor.Of([.. RandomTensors.Codes(_seed, false, zeros).ToInt64s().Select(z => (byte)Math.Max(z, 1))], zeros) : new Tensor(ElementType.Int8, zeros, new byte[zeros is [var n] ? n : 1]));
        Node node = Node("DequantizeLinear", [$"{name}_codes", $"{name}_scale", $"{name}_zero"], name);
        if (axis is { } at)
        {
            node.With("axis", at);
        }

        return name;
    }

    public string Constant(string name, Tensor value)
    {
        Model.Graph.SetConstant(name, value);
        return name;
    }

    public Node Node(string op, string[] inputs, params string[] outputs) => Model.Graph.Add(new Node($"n{_count++}", op, inputs, outputs));
}
