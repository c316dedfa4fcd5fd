using System.Buffers.Binary;
using System.IO.Compression;
using SkiaSharp;

namespace Halftone.Cli.Tests.EndToEnd;

/// <summary>The bundled network and a few of the bundled images, so that a whole command takes a second or two.</summary>
internal static class Bundled
{
    public const int Side = 28;

    public static string Resnet { get; } = Paths.InRepository("samples/fashion_resnet.onnx");

    public static string Mobilenet { get; } = Paths.InRepository("samples/fashion_mobilenet.onnx");

    public static string Preprocessing { get; } = Paths.InRepository("samples/preprocessing.json");

    /// <summary>A folder as the bundled one, with fewer images: a part to calibrate and a part to measure.</summary>
    public static string Images(TemporaryFolder folder, int calibration, int test, string name = "fashion-mnist")
    {
        string to = Directory.CreateDirectory(folder.File(name)).FullName;
        Part("calib", calibration, to);
        Part("test", test, to);
        return to;
    }

    /// <summary>Pixels of the first test images, one after another, and their classes.</summary>
    public static (byte[] Pixels, byte[] Labels) Test(int count)
    {
        (byte[] images, byte[] labels) = Read("test");
        return (images[16..(16 + (count * Side * Side))], labels[8..(8 + count)]);
    }

    /// <summary>Image i as a file of the kind that its name says.</summary>
    public static void Write(string path, ReadOnlySpan<byte> pixels, SKEncodedImageFormat format = SKEncodedImageFormat.Png)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var bitmap = new SKBitmap(new SKImageInfo(Side, Side, SKColorType.Gray8, SKAlphaType.Opaque));
        pixels.CopyTo(bitmap.GetPixelSpan());
        using FileStream file = File.Create(path);
        Assert.True(bitmap.Encode(file, format, 100));
    }

    private static void Part(string part, int count, string to)
    {
        (byte[] images, byte[] labels) = Read(part);
        byte[] head = images[..16];
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(4), count);
        File.WriteAllBytes(Path.Combine(to, part + "-images-idx3-ubyte"), [.. head, .. images.AsSpan(16, count * Side * Side)]);
        head = labels[..8];
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(4), count);
        File.WriteAllBytes(Path.Combine(to, part + "-labels-idx1-ubyte"), [.. head, .. labels.AsSpan(8, count)]);
    }

    private static (byte[] Images, byte[] Labels) Read(string part) => (Unpack(part + "-images-idx3-ubyte.gz"), Unpack(part + "-labels-idx1-ubyte.gz"));

    private static byte[] Unpack(string file)
    {
        using var gzip = new GZipStream(File.OpenRead(Paths.InRepository("samples/fashion-mnist/" + file)), CompressionMode.Decompress);
        using var to = new MemoryStream();
        gzip.CopyTo(to);
        return to.ToArray();
    }
}
