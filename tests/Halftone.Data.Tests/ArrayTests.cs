using System.Buffers.Binary;
using Halftone.Data.Arrays;
using Halftone.Onnx;

namespace Halftone.Data.Tests;

public sealed class ArrayTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Every_numeric_type_and_version_gives_the_same_numbers(int version)
    {
        Same("|u1", (byte[])[1, 2, 3, 4, 5, 6]);
        Same("|i1", (sbyte[])[1, 2, 3, 4, 5, 6]);
        Same("<i2", (short[])[1, 2, 3, 4, 5, 6]);
        Same("<u2", (ushort[])[1, 2, 3, 4, 5, 6]);
        Same("<i4", (int[])[1, 2, 3, 4, 5, 6]);
        Same("<u4", (uint[])[1, 2, 3, 4, 5, 6]);
        Same("<i8", (long[])[1, 2, 3, 4, 5, 6]);
        Same("<u8", (ulong[])[1, 2, 3, 4, 5, 6]);
        Same("<f2", Array.ConvertAll((float[])[1, 2, 3, 4, 5, 6], v => (Half)v));
        Same("<f4", (float[])[1, 2, 3, 4, 5, 6]);
        Same("<f8", (double[])[1, 2, 3, 4, 5, 6]);
        Same(">i4", Array.ConvertAll((int[])[1, 2, 3, 4, 5, 6], BinaryPrimitives.ReverseEndianness));
        Same(">u2", Array.ConvertAll((ushort[])[1, 2, 3, 4, 5, 6], BinaryPrimitives.ReverseEndianness));

        void Same<T>(string type, T[] values)
            where T : unmanaged
        {
            using var folder = new TemporaryFolder();
            File.WriteAllBytes(folder.File("a.npy"), Files.Npy(type, "(2, 3)", values, version: version));
            Assert.Equal([4, 5, 6], DataSets.Open(folder.File("a.npy"), [Files.Input(null, 3)], new DataOptions()).Read(1).Inputs["x"].ToFloats());
        }
    }

    [Fact]
    public void Fortran_order_reads_as_its_transpose()
    {
        // [2,3,2] with value 100 i + 10 j + k, the first axis fastest
        float[] stored = [.. from k in Enumerable.Range(0, 2) from j in Enumerable.Range(0, 3) from i in Enumerable.Range(0, 2) select (100f * i) + (10 * j) + k];
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a.npy"), Files.Npy("<f4", "(2, 3, 2)", stored, fortran: true));
        Assert.Equal([100, 101, 110, 111, 120, 121], DataSets.Open(folder.File("a.npy"), [Files.Input(null, 3, 2)], new DataOptions()).Read(1).Inputs["x"].ToFloats());
    }

    [Fact]
    public void Several_inputs_go_by_name_with_labels_beside()
    {
        using var folder = new TemporaryFolder();
        ValueInfo[] inputs = [new("ids", ElementType.Int64, [null, 2]), new("mask:0", ElementType.Int32, [null, 2]), new("rate", ElementType.Int64, [])];
        Files.Npz(
            folder.File("a.npz"), ("ids", Files.Npy("<i4", "(3, 2)", (int[])[1, 2, 3, 4, 5, 6])), ("mask_0", Files.Npy("|b1", "(3, 2)", (byte[])[1, 0, 1, 1, 0, 0])),
            ("rate", Files.Npy("<i8", "()", (long[])[16])), ("y", Files.Npy("|u1", "(3,)", (byte[])[7, 8, 9])));
        IDataSet data = DataSets.Open(folder.File("a.npz"), inputs, new DataOptions());
        Sample sample = data.Read(1);
        Assert.Equal(8, sample.Label);
        Assert.Equal([3L, 4], sample.Inputs["ids"].As<long>().ToArray());
        Assert.Equal([1, 1], sample.Inputs["mask:0"].As<int>().ToArray());
        Assert.Equal(16, sample.Inputs["rate"].As<long>()[0]);
        Assert.Empty(sample.Inputs["rate"].Dims);

        Directory.CreateDirectory(folder.File("d"));
        File.WriteAllBytes(folder.File("d/ids.npy"), Files.Npy("<i4", "(3, 2)", (int[])[1, 2, 3, 4, 5, 6]));
        var error = Assert.Throws<DataException>(() => DataSets.Open(folder.File("d"), inputs, new DataOptions()));
        Assert.Contains("'mask:0'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Key_words_come_with_their_classes()
    {
        IDataSet data = DataSets.Open(Paths.Shared("data/datasets/kws-features"), [Files.Input(null, 1, 49, 10)], new DataOptions());
        Assert.Equal(500, data.Count);
        Assert.True(data.HasLabels);
        Assert.Equal(12, data.ClassNames.Length);
        Assert.Equal([1, 1, 49, 10], data.Read(0).Inputs["x"].Dims);
        Assert.All(data.Read(3).Inputs["x"].ToFloats(), v => Assert.InRange(v, -128, 127));
    }

    [Fact]
    public void Padding_is_fed_as_zero_and_kept_in_the_target()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a.npy"), Files.Npy("<i4", "(1, 4)", (int[])[5, 6, -1, -1]));
        Sample sample = DataSets.Open(folder.File("a.npy"), [new("ids", ElementType.Int64, [null, null])], new DataOptions()).Read(0);
        Assert.Equal([5L, 6, 0, 0], sample.Inputs["ids"].ToInt64s());
        Assert.Equal([5L, 6, -1, -1], sample.Target!.ToInt64s());
    }

    [Fact]
    public void The_other_layout_is_named_and_moved_only_when_asked()
    {
        using var folder = new TemporaryFolder();
        float[] values = [.. Enumerable.Range(0, 2 * 4 * 5 * 3).Select(i => (float)i)];
        File.WriteAllBytes(folder.File("a.npy"), Files.Npy("<f4", "(2, 4, 5, 3)", values));
        ValueInfo input = Files.Input(null, 3, 4, 5);
        var error = Assert.Throws<DataException>(() => DataSets.Open(folder.File("a.npy"), [input], new DataOptions()));
        Assert.Contains("nchw", error.Message, StringComparison.Ordinal);
        Assert.Contains("[?,3,4,5]", error.Message, StringComparison.Ordinal);
        Assert.Contains("[2,4,5,3]", error.Message, StringComparison.Ordinal);
        Tensor moved = DataSets.Open(folder.File("a.npy"), [input], new DataOptions { Preprocessing = Preprocessing.Parse("none,nchw") }).Read(1).Inputs["x"];
        Assert.Equal([1, 3, 4, 5], moved.Dims);
        float[] channels = moved.ToFloats();
        Assert.All(Enumerable.Range(0, 60), i => Assert.Equal(60 + (i % 20 * 3) + (i / 20), channels[i]));
    }

    [Theory]
    [InlineData("none", 2f)]
    [InlineData("{\"scale\":0.5,\"mean\":[3],\"deviation\":[4]}", -0.5f)]
    public void Values_are_normalised_as_pictures_are(string steps, float expected)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a.npy"), Files.Npy("|i1", "(1, 1)", (sbyte[])[2]));
        Preprocessing preprocessing = steps.StartsWith('{') ? Preprocessing.FromJson(steps) : Preprocessing.Parse(steps);
        Assert.Equal(expected, DataSets.Open(folder.File("a.npy"), [Files.Input(null, 1)], new DataOptions { Preprocessing = preprocessing }).Read(0).Inputs["x"].ToFloats()[0]);
    }

    [Fact]
    public void What_the_model_cannot_hold_is_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("big.npy"), Files.Npy("<i8", "(1, 1)", (long[])[1L << 40]));
        File.WriteAllBytes(folder.File("half.npy"), Files.Npy("<f4", "(1, 1)", (float[])[0.5f]));
        File.WriteAllBytes(folder.File("nan.npy"), Files.Npy("<f4", "(1, 1)", (float[])[float.NaN]));
        string Message(string file, ElementType type) =>
            Assert.Throws<DataException>(() => DataSets.Open(folder.File(file), [new("x", type, [null, 1])], new DataOptions()).Read(0)).Message;
        Assert.Contains("1099511627776", Message("big.npy", ElementType.Int32), StringComparison.Ordinal);
        Assert.Contains("0.5", Message("half.npy", ElementType.Int64), StringComparison.Ordinal);
        Assert.Contains("NaN", Message("nan.npy", ElementType.Float), StringComparison.Ordinal);
    }

    [Fact]
    public void Labels_and_data_of_different_numbers_are_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("x.npy"), Files.Npy("<f4", "(3, 1)", (float[])[1, 2, 3]));
        File.WriteAllBytes(folder.File("y.npy"), Files.Npy("<i4", "(2,)", (int[])[1, 2]));
        Assert.Contains("do not match", Assert.Throws<DataException>(() => DataSets.Open(folder.File("x.npy"), [Files.Input(null, 1)], new DataOptions())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("'<f4'", "(1000000, 1000000, 1000000, 1000000)", "no array can have")]
    [InlineData("'<f4'", "(100000, 100000)", "follow its header")]
    [InlineData("'|O'", "(2, 3)", "not understood")]
    [InlineData("'<c8'", "(2, 3)", "'c8'")]
    [InlineData("[('a', '<f4')]", "(2,)", "not understood")]
    [InlineData("'<f4'", "(-2, 3)", "not understood")]
    public void A_header_that_lies_is_refused(string type, string shape, string part)
    {
        using var folder = new TemporaryFolder();
        string head = $"{{'descr': {type}, 'fortran_order': False, 'shape': {shape}, }}\n";
        File.WriteAllBytes(folder.File("a.npy"), [0x93, .. "NUMPY"u8, 1, 0, .. BitConverter.GetBytes((ushort)head.Length), .. System.Text.Encoding.ASCII.GetBytes(head), .. new byte[24]]);
        Assert.Contains(part, Assert.Throws<DataException>(() => NpyArray.OfFile(folder.File("a.npy"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_arrays_end_in_a_DataException_or_numbers()
    {
        using var folder = new TemporaryFolder();
        byte[] good = Files.Npy("<f4", "(2, 3)", (float[])[1, 2, 3, 4, 5, 6]);
        Files.Npz(folder.File("good.npz"), ("x", good));
        byte[] archive = File.ReadAllBytes(folder.File("good.npz"));
        Gen.Select(Gen.Int[0, 1 << 20], Gen.Byte, Gen.Bool, Gen.Bool).Sample(
            (at, value, packed, cut) =>
            {
                byte[] mutant = [.. packed ? archive : good];
                at %= mutant.Length;
                mutant[at] = value;
                string path = folder.File(packed ? "m.npz" : "m.npy");
                File.WriteAllBytes(path, cut ? mutant[..at] : mutant);
                try
                {
                    DataSets.Open(path, [Files.Input(null, 3)], new DataOptions()).Read(0);
                }
                catch (DataException error)
                {
                    Assert.Contains(path, error.Message, StringComparison.Ordinal);
                }
            },
            iter: 2000, threads: 1);
    }
}
