using System.Globalization;
using Halftone.Onnx.Passes;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx.Tests;

/// <summary>Weights beyond 2 GB: mapped, never read whole.</summary>
public sealed class LargeModelTests
{
    private const long Megabyte = 1 << 20;

    [Fact]
    public void Loading_over_2_GB_reads_what_is_asked_for()
    {
        using TemporaryFolder folder = new();
        long[] lengths = [1500 * Megabyte, 1500 * Megabyte, 4];
        WriteSparse(folder, lengths, [(3000 * Megabyte, 42f)]);

        long before = GC.GetAllocatedBytesForCurrentThread();
        var model = Model.Load(folder.File("m.onnx"));
        Assert.Equal(42f, model.Graph.Constant("w2")!.As<float>()[0]);
        Assert.Equal(0f, model.Graph.Constant("w1")!.As<float>()[^1]);
        Assert.Equal(1500 * Megabyte / 4, model.Graph.Constant("w0")!.Count);
        Model copy = model.Clone();
        Assert.Same(model.Graph.Constant("w0"), copy.Graph.Constant("w0"));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < Megabyte);
    }

    [Fact]
    public void A_tensor_over_2_GB_is_kept_and_says_why_it_cannot_be_worked_on()
    {
        using TemporaryFolder folder = new();
        WriteSparse(folder, [3000 * Megabyte], []);
        var model = Model.Load(folder.File("m.onnx"));
        Tensor tensor = model.Graph.Constant("w0")!;
        Assert.Equal(3000 * Megabyte, tensor.ByteLength);
        Assert.Contains("2 GB", Assert.Throws<ModelException>(() => tensor.Bytes.Length).Message, StringComparison.Ordinal);
        StandardPasses.Apply(model, new PassContext());
        Assert.Same(tensor, model.Graph.Constant("w0"));
        Assert.Contains("external data", Assert.Throws<ModelException>(model.ToBytes).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Saving_copies_from_file_to_file(bool externalData)
    {
        using TemporaryFolder folder = new();
        WriteSparse(folder, [150 * Megabyte, 150 * Megabyte, 4000], [(0, 1f), (150 * Megabyte, 2f), (300 * Megabyte, 3f)]);
        var model = Model.Load(folder.File("m.onnx"));

        long before = GC.GetAllocatedBytesForCurrentThread();
        model.Save(folder.File("saved.onnx"), externalData);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 20 * Megabyte);

        // a short file of its own is no witness of the data, so that of the source goes first
        File.Delete(folder.File("w.bin"));
        var saved = Model.Load(folder.File("saved.onnx"));
        Assert.Equal([1f, 2f, 3f], Enumerable.Range(0, 3).Select(i => saved.Graph.Constant($"w{i}")!.As<float>()[0]));
        Assert.Equal(externalData, File.Exists(folder.File("saved.onnx.data")));
    }

    [Fact]
    public void Over_2_GB_the_payloads_go_to_a_file_of_their_own_unasked()
    {
        using TemporaryFolder folder = new();
        WriteSparse(folder, [1500 * Megabyte, 1500 * Megabyte, 4], []);
        var model = Model.Load(folder.File("m.onnx"));
        using Counter data = new();
        long before = GC.GetAllocatedBytesForCurrentThread();
        ModelWriter.Write(model, folder.File("saved.onnx"), externalData: false, path =>
        {
            FileStream file = File.Create(path);
            if (!path.EndsWith(".data.part", StringComparison.Ordinal))
            {
                return file;
            }

            file.Dispose();
            return data; // 3 GB that need no disk
        });
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 20 * Megabyte);
        Assert.Equal(3000 * Megabyte, data.Position);
        GraphProto saved = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder.File("saved.onnx"))).Graph;
        Assert.Equal([TensorFormat.External, TensorFormat.External, 0], saved.Initializer.Select(i => i.DataLocation));
    }

    private sealed class Counter : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => true;

        public override bool CanWrite => true;

        public override long Length => Position;

        public override long Position { get; set; }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => Position += count;

        public override void Write(ReadOnlySpan<byte> buffer) => Position += buffer.Length;
    }

    // w0, w1, ... one after another in w.bin, zero but for a few values; a sparse file takes no disk
    private static void WriteSparse(TemporaryFolder folder, long[] lengths, (long At, float Value)[] values)
    {
        using (FileStream file = File.Create(folder.File("w.bin")))
        {
            file.SetLength(lengths.Sum());
            foreach ((long at, float value) in values)
            {
                file.Position = at;
                file.Write(BitConverter.GetBytes(value));
            }
        }

        var model = Model.Create(13, [new("x", ElementType.Float, [1])], [new("y", ElementType.Float, null)]);
        ModelProto proto = ModelWriter.ToProto(model);
        var sum = new NodeProto { Name = "sum", OpType = "Sum", Input = { "x" }, Output = { "y" } };
        long offset = 0;
        for (int i = 0; i < lengths.Length; i++)
        {
            var tensor = new TensorProto { Name = $"w{i}", DataType = 1, Dims = { lengths[i] / 4 }, DataLocation = TensorFormat.External };
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "w.bin" });
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = offset.ToString(CultureInfo.InvariantCulture) });
            proto.Graph.Initializer.Add(tensor);
            sum.Input.Add(tensor.Name);
            offset += lengths[i];
        }

        proto.Graph.Node.Add(sum);
        using FileStream output = File.Create(folder.File("m.onnx"));
        Google.Protobuf.MessageExtensions.WriteTo(proto, output);
    }
}
