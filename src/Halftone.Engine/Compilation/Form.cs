namespace Halftone.Engine.Compilation;

/// <summary>How a value is held.</summary>
internal enum Form
{
    /// <summary>Row-major, with the element type that ONNX gives it.</summary>
    Dense,

    /// <summary>Row-major codes, unsigned: those of int8 values are raised by 128.</summary>
    Codes,

    /// <summary>Unsigned codes, channels last, perhaps with a border: <see cref="ImageShape"/>.</summary>
    Image,
}

/// <summary>A value in a form.</summary>
internal readonly record struct Held(string Name, Form Form);

/// <summary>What a unit reads.</summary>
/// <param name="Value">The value.</param>
/// <param name="Border">The border it reads around an image.</param>
/// <param name="Padding">The code that must fill that border.</param>
/// <param name="Bare">Whether nothing past the value is read, so that it may lie right at the end of a caller's memory.</param>
internal readonly record struct Need(Held Value, Border Border = default, byte Padding = 0, bool Bare = false);
