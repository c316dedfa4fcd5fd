using System.Text;
using Halftone.Onnx;

namespace Halftone.Data.Tests;

public sealed class InputTensorTests
{
    // what NumPy's format.py prescribes: mark, version 1.0, length, a dictionary in the order of its keys, spaces and a line break up to a multiple of 64
    [Theory]
    [InlineData("<f4", "(1, 3)", 1L, 3L)]
    [InlineData("<f4", "(3,)", 3L)]
    [InlineData("<f4", "()")]
    [InlineData("<f4", "(2, 0, 5)", 2L, 0L, 5L)]
    public void The_head_of_a_npy_file_is_as_NumPy_writes_it(string type, string shape, params long[] dims)
    {
        using var folder = new TemporaryFolder();
        float[] values = [.. Enumerable.Range(0, (int)dims.Aggregate(1L, (a, b) => a * b)).Select(i => i + 0.5f)];
        NpyFile.Write(folder.File("a.npy"), Tensor.Of(values, dims));

        byte[] bytes = File.ReadAllBytes(folder.File("a.npy"));
        string head = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}";
        Assert.Equal([0x93, .. "NUMPY"u8, 1, 0, 118, 0, .. Encoding.ASCII.GetBytes(head.PadRight(117) + "\n")], bytes[..128]);
        Assert.Equal(values.Length * 4, bytes.Length - 128);
        Assert.Equal(values, Enumerable.Range(0, values.Length).Select(i => BitConverter.ToSingle(bytes, 128 + (4 * i))));
    }

    [Fact]
    public void What_is_written_is_read_again_whatever_type_and_lengths()
    {
        ElementType[] types =
        [
            ElementType.Bool, ElementType.Int8, ElementType.UInt8, ElementType.Int16, ElementType.UInt16, ElementType.Int32, ElementType.UInt32,
            ElementType.Int64, ElementType.UInt64, ElementType.Float16, ElementType.Float, ElementType.Double,
        ];
        using var folder = new TemporaryFolder();
        Gen.Select(Gen.Int[0, types.Length - 1].Select(i => types[i]), Gen.Long[0, 3].Array[0, 4], Gen.Byte.Array[3 * 3 * 3 * 3 * 8]).Sample((type, dims, bytes) =>
        {
            long size = type.ByteCount(dims.Aggregate(1L, (a, b) => a * b));
            var tensor = new Tensor(type, dims, bytes.AsMemory(0, (int)size));
            NpyFile.Write(folder.File("a.npy"), tensor);
            Tensor read = NpyFile.Read(folder.File("a.npy"));
            Assert.Equal(type, read.Type);
            Assert.Equal(dims, read.Dims);
            Assert.True(tensor.Bytes.SequenceEqual(read.Bytes));
        }, iter: 100, threads: 1);
    }

    [Fact]
    public void A_type_that_NumPy_lacks_is_refused_and_nothing_is_written()
    {
        using var folder = new TemporaryFolder();
        DataException error = Assert.Throws<DataException>(() => NpyFile.Write(folder.File("a.npy"), new Tensor(ElementType.BFloat16, [2], new byte[4])));
        Assert.Contains("bfloat16", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_npy_file_is_brought_to_the_type_of_the_input_and_a_proto_must_have_it()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a.npy"), Files.Npy("<f8", "(1, 2)", (double[])[0.5, -1]));
        TensorFile.Write(folder.File("a.pb"), "a", Tensor.Of([0.5, -1.0], 1, 2));
        TensorFile.Write(folder.File("b.pb"), "b", Tensor.Of([0.5f, -1f], 1, 2));
        ValueInfo x = Files.Input(null, 2);

        Assert.Equal([0.5f, -1], InputTensors.Read(x, folder.File("a.npy")).As<float>().ToArray());
        Assert.Equal([0.5f, -1], InputTensors.Read(x, folder.File("b.pb")).As<float>().ToArray());
        Assert.Contains("double", Assert.Throws<DataException>(() => InputTensors.Read(x, folder.File("a.pb"))).Message, StringComparison.Ordinal);
        Assert.Contains("[?,3]", Assert.Throws<DataException>(() => InputTensors.Read(Files.Input(null, 3), folder.File("a.npy"))).Message, StringComparison.Ordinal);
        Assert.Contains("none.npy", Assert.Throws<DataException>(() => InputTensors.Read(x, folder.File("none.npy"))).Message, StringComparison.Ordinal);
        Assert.Contains("none.pb", Assert.Throws<DataException>(() => InputTensors.Read(x, folder.File("none.pb"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Made_up_values_are_those_of_the_seed_and_lie_where_models_take_them()
    {
        Tensor x = InputTensors.Random(Files.Input(null, 3, 50), new Random(4));
        Assert.Equal([1, 3, 50], x.Dims);
        Assert.All(x.ToFloats(), v => Assert.InRange(v, 0, 1));
        Assert.True(x.ToFloats().Distinct().Count() > 100);
        Assert.Equal(x.ToFloats(), InputTensors.Random(Files.Input(null, 3, 50), new Random(4)).ToFloats());
        Assert.NotEqual(x.ToFloats(), InputTensors.Random(Files.Input(null, 3, 50), new Random(5)).ToFloats());

        Tensor ids = InputTensors.Random(new ValueInfo("ids", ElementType.Int64, [1, 64]), new Random(0));
        Assert.Equal([0L, 1], ids.As<long>().ToArray().Distinct().Order());
        Assert.Contains("'y'", Assert.Throws<DataException>(() => InputTensors.Random(new ValueInfo("y", ElementType.Float, null), new Random(0))).Message, StringComparison.Ordinal);
    }
}
