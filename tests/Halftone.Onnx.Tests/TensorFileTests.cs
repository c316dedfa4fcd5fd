using Google.Protobuf;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx.Tests;

/// <summary>Tensors in files of their own: there and back, and refused in one sentence where they are none.</summary>
public sealed class TensorFileTests
{
    [Fact]
    public void A_tensor_comes_back()
    {
        using TemporaryFolder folder = new();
        foreach (ElementType type in Enum.GetValues<ElementType>().Where(t => t.Bits() > 0))
        {
            byte[] bytes = [.. Enumerable.Range(0, (int)type.ByteCount(15)).Select(i => (byte)(i * 7))];
            TensorFile.Write(folder.File("t.pb"), "t", new Tensor(type, [3, 5], bytes));
            Tensor back = TensorFile.Read(folder.File("t.pb"));
            Assert.Equal((type, 2), (back.Type, back.Dims.Length));
            Assert.Equal(bytes, back.Bytes.ToArray());
        }
    }

    public static TheoryData<string, string> Bad => new()
    {
        { "empty", "0 bytes" },
        { "text", "not an ONNX tensor" },
        { "truncated", "not an ONNX tensor" },
        { "strings", "element type 8" },
        { "wrong length", "takes 12 bytes" },
        { "huge", "takes 4000000000000 bytes" },
        { "outside", "external file" },
        { "many tiny parts", "memory" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void What_is_no_tensor_is_refused(string what, string words)
    {
        var good = new TensorProto { Name = "t", DataType = 1, Dims = { 3 }, RawData = ByteString.CopyFrom(new byte[12]) };
        byte[] bytes = what switch
        {
            "empty" => [],
            "text" => [.. "This is a text and no tensor at all."u8],
            "truncated" => good.ToByteArray()[..^3],
            "strings" => new TensorProto { DataType = 8, Dims = { 1 }, StringData = { ByteString.CopyFromUtf8("a") } }.ToByteArray(),
            "wrong length" => new TensorProto(good) { RawData = ByteString.CopyFrom(new byte[11]) }.ToByteArray(),
            "huge" => new TensorProto { DataType = 1, Dims = { 1_000_000_000_000 }, RawData = ByteString.CopyFrom(new byte[12]) }.ToByteArray(),
            "outside" => new TensorProto { DataType = 1, Dims = { 3 }, DataLocation = 1, ExternalData = { new StringStringEntryProto { Key = "location", Value = "x" } } }.ToByteArray(),
            _ => [.. Enumerable.Repeat((byte[])[0x6A, 0], 10_000_000).SelectMany(b => b)], // ten million empty entries of external data
        };
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder.File("t.pb"), bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        string message = Assert.Throws<ModelException>(() => TensorFile.Read(folder.File("t.pb"))).Message;
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < (64 << 20) + bytes.Length);
        Assert.Contains("t.pb", message, StringComparison.Ordinal);
        Assert.Contains(words, message, StringComparison.Ordinal);
    }
}
