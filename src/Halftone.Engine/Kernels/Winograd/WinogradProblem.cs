using Halftone.Engine.Kernels.Products;

namespace Halftone.Engine.Kernels.Winograd;

/// <summary>A convolution of 3x3 taps, stride 1, over channels-last images, computed tile by tile in the transformed domain: Winograd's F(4x4, 3x3), exact in integers.</summary>
/// <remarks>
/// y[i, j, n] = epilogue(bias[n] + sum over r, s &lt; 3 and c of x[i + r, j + s, c] * w[n, r, s, c]), as of <see cref="ProductProblem"/>; zero points are in the bias already, and x begins at the padding.
/// A tile is 4x4 outputs, of 6x6 inputs. Nothing is read but pixels of x, nothing written but pixels of y.
/// Source: Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), section 4.3; that the integers of <see cref="WinogradTransform"/> make it exact is shown there.
/// </remarks>
internal sealed record WinogradProblem
{
    /// <summary>Most output channels: scratch memory holds those of tiles at edges.</summary>
    public const int MostOutputs = 4096;

    /// <summary>Input channels, a multiple of <see cref="WinogradTransform.Lanes"/>.</summary>
    public required int Inputs { get; init; }

    /// <summary>[outputs, 3, 3, Inputs].</summary>
    public required sbyte[] Weights { get; init; }

    /// <summary>[outputs].</summary>
    public required int[] Bias { get; init; }

    /// <summary>What becomes of the sums: codes.</summary>
    public required Epilogue Epilogue { get; init; }

    /// <summary>What is added to the codes; null for nothing.</summary>
    public ProductResidual? Residual { get; init; }

    /// <summary>Number of images.</summary>
    public required int Images { get; init; }

    /// <summary>Lines of an output image.</summary>
    public required int Height { get; init; }

    /// <summary>Pixels of a line of outputs.</summary>
    public required int Width { get; init; }

    /// <summary>Where inputs lie; from a pixel to the next are <see cref="Inputs"/> bytes.</summary>
    public required WinogradPitch Input { get; init; }

    /// <summary>Where outputs lie; from a pixel to the next are <see cref="Outputs"/> bytes.</summary>
    public required WinogradPitch Output { get; init; }

    /// <summary>Where what is added lies; from a pixel to the next as the residual says.</summary>
    public WinogradPitch Others { get; init; }

    /// <summary>How many threads share the work; a hint for how many tiles to take together.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Output channels.</summary>
    public int Outputs => Bias.Length;

    /// <summary>Tiles of a line of them.</summary>
    public int TilesAcross => WinogradTransform.Tiles(Width);

    /// <summary>Tiles of an image.</summary>
    public int ImageTiles => TilesAcross * WinogradTransform.Tiles(Height);

    /// <summary>All tiles: image by image, line by line.</summary>
    public int Tiles => Images * ImageTiles;
}

/// <summary>Bytes from a line to the next, and from an image to the next.</summary>
internal readonly record struct WinogradPitch(long Line, long Image);
