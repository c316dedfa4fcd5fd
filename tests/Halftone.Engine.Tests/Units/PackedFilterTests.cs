using Halftone.Engine.Kernels.Pointwise;
using Halftone.Engine.Steps;
using Halftone.Onnx;
using Halftone.Onnx.Operators;

namespace Halftone.Engine.Tests.Units;

/// <summary>Convolutions of floats by weights of 4 and 2 bits: the weights stay packed, and give what the same weights in floats do, bit by bit.</summary>
public sealed class PackedFilterTests
{
    private const int Outputs = 157, Inputs = 12, Taps = 9; // more than one part of unpacking, and codes left over

    [Fact]
    public void Packed_filters_give_what_floats_do() => Gen.Select(Gen.Int[0, 1 << 30], Gen.Int[0, 3], Gen.Int[0, 3], Gen.Bool).Sample(
        (seed, type, scales, transposed) =>
        {
            ElementType packed = ((ElementType[])[ElementType.Int4, ElementType.UInt4, ElementType.Int2, ElementType.UInt2])[type];
            (QdqModel model, Node dequantize) = Net(seed, packed, scales, transposed);
            Tensor[] constants = [.. dequantize.Inputs.Select(n => model.Model.Graph.Constant(n)!)];
            var floats = new QdqModel(seed, new Dictionary<string, long[]> { ["x"] = [2, transposed ? Outputs : Inputs, 7, 6] }, "c");
            floats.Constant("w", DequantizeLinear.Run(constants[0], constants[1], constants.Length > 2 ? constants[2] : null, LinearOptions.Of(dequantize)));
            Convolve(floats, "w", transposed);
            foreach (EngineTier tier in EngineTiers.All.Where(t => t.IsSupported))
            {
                foreach (int threads in (int[])[1, 2])
                {
                    var options = new EngineOptions { Tier = tier.Name, Threads = threads };
                    using EngineSession few = EngineSession.Load(model.Model, options), whole = EngineSession.Load(floats.Model, options);
                    Tensor expected = whole.Run(model.Inputs)["c"], actual = few.Run(model.Inputs)["c"];
                    Assert.True(expected.Bytes.SequenceEqual(actual.Bytes), $"{tier.Name}, {packed}, scales {scales}");
                    Assert.Contains(few.RecentPlan!.Steps, s => s is UnpackStep);
                }
            }
        },
        iter: 40);

    [Theory]
    [InlineData(ElementType.Int4)]
    [InlineData(ElementType.UInt4)]
    [InlineData(ElementType.Int2)]
    [InlineData(ElementType.UInt2)]
    public unsafe void Any_number_of_codes_is_unpacked(ElementType type)
    {
        var random = new Random(1);
        for (int count = 1; count <= 100; count++)
        {
            var packed = new byte[type.ByteCount(count)];
            random.NextBytes(packed);
            byte[] codes = [.. Enumerable.Repeat((byte)0xA5, count + 1)];
            fixed (byte* from = packed, to = codes)
            {
                new PackedCodes(type).Unpack(from, to, count);
            }

            Assert.Equal(Enumerable.Range(0, count).Select(i => Code(type, packed, i)).Append((byte)0xA5), codes);
        }
    }

    private static byte Code(ElementType type, byte[] packed, int index)
    {
        int bits = type.Bits();
        int code = (packed[index * bits / 8] >> (index * bits % 8)) & ((1 << bits) - 1);
        return (byte)(type is ElementType.Int4 or ElementType.Int2 && code >= 1 << (bits - 1) ? code - (1 << bits) : code);
    }

    /// <summary>What is an output of the model too, or read by something else, is computed once, while loading.</summary>
    [Fact]
    public void Filters_that_others_read_are_floats()
    {
        (QdqModel model, Node dequantize) = Net(1, ElementType.Int4, 0, transposed: false, "r");
        model.Node("Relu", [dequantize.Output(0)], "r");
        using EngineSession session = EngineSession.Load(model.Model);
        Assert.DoesNotContain(session.RecentPlan!.Steps, s => s is UnpackStep);
    }

    private static (QdqModel Model, Node Dequantize) Net(int seed, ElementType packed, int scales, bool transposed, params string[] outputs)
    {
        const int Block = 4;
        var random = new Random(seed);
        var model = new QdqModel(seed, new Dictionary<string, long[]> { ["x"] = [2, transposed ? Outputs : Inputs, 7, 6] }, ["c", .. outputs]);
        long[] dims = [Outputs, Inputs, 3, 3];
        (long[] scaleDims, int axis, int block) = scales switch
        {
            0 => (Array.Empty<long>(), 0, 0),
            1 => ([Outputs], 0, 0),
            2 => ([Inputs], 1, 0),
            _ => ((long[])[Outputs, Inputs / Block, 3, 3], 1, Block),
        };
        long count = scaleDims.Aggregate(1L, (a, b) => a * b);
        byte[] Bytes(long elements)
        {
            var bytes = new byte[packed.ByteCount(elements)];
            random.NextBytes(bytes);
            return bytes;
        }

        model.Constant("w_codes", new Tensor(packed, dims, Bytes(Outputs * Inputs * Taps)));
        model.Constant("w_scale", Tensor.Of([.. Enumerable.Range(0, (int)count).Select(_ => random.NextSingle() + 0.1f)], scaleDims));
        model.Constant("w_zero", new Tensor(packed, scaleDims, Bytes(count)));
        Node dequantize = model.Node("DequantizeLinear", random.Next(2) == 0 ? ["w_codes", "w_scale"] : ["w_codes", "w_scale", "w_zero"], "w").With("axis", axis);
        if (block > 0)
        {
            dequantize.With("block_size", block);
        }

        Convolve(model, "w", transposed);
        return (model, dequantize);
    }

    private static void Convolve(QdqModel model, string weight, bool transposed) =>
        model.Node(transposed ? "ConvTranspose" : "Conv", ["x", weight], "c").With("pads", [1L, 1, 1, 1]);
}
