namespace Halftone.Activations;

/// <summary>The bits that a method takes.</summary>
internal static class ActivationBits
{
    /// <summary>The bits.</summary>
    /// <exception cref="ArgumentException">The method takes fewer or more.</exception>
    public static int Within(int bits, int least, int most, MethodInfo method) => bits >= least && bits <= most
        ? bits
        : throw new ArgumentException($"'{method.Id}' takes activations of {least} to {most} bits, not {bits}.");
}
