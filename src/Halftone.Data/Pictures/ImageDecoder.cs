using System.Runtime.InteropServices;
using SkiaSharp;

namespace Halftone.Data.Pictures;

/// <summary>Reads JPEG, PNG, BMP and WebP files (the first frame) with Skia.</summary>
internal static class ImageDecoder
{
    // 64 megapixels take 256 MB decoded: more than any camera's picture that a network sees, less than harms
    public const long MostPixels = 1 << 26;

    private static readonly string[] s_extensions = [".jpg", ".jpeg", ".png", ".bmp", ".webp"];

    /// <summary>Whether a file's name says that it is an image.</summary>
    public static bool IsImage(string path) => s_extensions.Contains(Path.GetExtension(path).ToLowerInvariant());

    /// <summary>Decodes a file; its head is checked before memory is taken.</summary>
    /// <exception cref="DataException">It is missing, no image, damaged, ends early, or is too large.</exception>
    public static Picture Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new DataException($"The image '{path}' is missing.");
        }

        SKFileStream? stream = new(path);
        if (!stream.IsValid)
        {
            stream.Dispose();
            throw new DataException($"The image '{path}' cannot be opened.");
        }

        // the codec owns the stream from here on
        using SKCodec? codec = SKCodec.Create(stream, out SKCodecResult found);
        if (codec is null)
        {
            throw new DataException($"'{path}' is no image that can be read ({found}); JPEG, PNG, BMP and WebP are.");
        }

        int width = codec.Info.Width;
        int height = codec.Info.Height;
        if (width <= 0 || height <= 0 || (long)width * height > MostPixels)
        {
            throw new DataException($"The image '{path}' says that it is {width} x {height}; at most {MostPixels} pixels are read.");
        }

        try
        {
            return Decode(codec, path, width, height);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"The image '{path}' cannot be read: {error.Message}", error);
        }
    }

    private static Picture Decode(SKCodec codec, string path, int width, int height)
    {
        byte[] head = Head(path);
        if (Grey16Png.Is(head))
        {
            return Grey16Png.Read(path, height, width);
        }

        // the codec does not tell 16 bits from 8; the head of a PNG does
        bool deep = head.AsSpan().IndexOf("PNG"u8) == 1 && head.Length > 24 && head[24] == 16;
        bool grey = !deep && codec.Info.ColorType == SKColorType.Gray8;
        SKColorType type = grey ? SKColorType.Gray8 : deep ? SKColorType.RgbaF16 : SKColorType.Rgba8888;
        SKAlphaType alpha = codec.Info.AlphaType == SKAlphaType.Opaque ? SKAlphaType.Opaque : SKAlphaType.Unpremul;

        // no colour space: the stored numbers are wanted, as training code takes them
        var info = new SKImageInfo(width, height, type, alpha);
        byte[] bytes = new byte[info.BytesSize];
        GCHandle pin = GCHandle.Alloc(bytes, GCHandleType.Pinned);
        try
        {
            SKCodecResult result = codec.GetPixels(info, pin.AddrOfPinnedObject());
            if (result != SKCodecResult.Success)
            {
                throw new DataException(result == SKCodecResult.IncompleteInput
                    ? $"The image '{path}' ends early; it was probably cut off when it was copied."
                    : $"The image '{path}' is damaged ({result}).");
            }
        }
        finally
        {
            pin.Free();
        }

        return new Picture(height, width, grey ? 1 : 3, grey ? 1 : 4, bytes, deep);
    }

    private static byte[] Head(string path)
    {
        byte[] head = new byte[33]; // of a PNG: mark, then length, "IHDR", width, height, bit depth and the rest of that chunk
        using FileStream file = File.OpenRead(path);
        return head[..file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
    }
}
