namespace Halftone.Engine.Compilation;

/// <summary>How codes of an activation stand for numbers: (code - zero point) * scale. Codes are unsigned bytes inside the engine: those of int8 values are raised by 128, and their zero points.</summary>
internal readonly record struct Quantization(float Scale, int ZeroPoint);

/// <summary>How an operator's sums end as codes.</summary>
/// <param name="Quantization">Of the result.</param>
/// <param name="Least">Lowest code: what an activation such as Relu leaves.</param>
/// <param name="Most">Highest code.</param>
internal readonly record struct OutputCodes(Quantization Quantization, byte Least, byte Most);

/// <summary>Pixels around an image.</summary>
internal readonly record struct Border(int Top, int Left, int Bottom, int Right)
{
    /// <summary>Enough for both.</summary>
    public Border With(Border other) => new(Math.Max(Top, other.Top), Math.Max(Left, other.Left), Math.Max(Bottom, other.Bottom), Math.Max(Right, other.Right));
}
