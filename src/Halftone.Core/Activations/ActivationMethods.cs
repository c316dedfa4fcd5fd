namespace Halftone.Activations;

/// <summary>Every activation method there is. Adding one is adding its line here and to <see cref="MethodOptions"/>.</summary>
public static class ActivationMethods
{
    /// <summary>The list.</summary>
    public static MethodList<IActivationMethod> All { get; } = new(
        "activation method",
        MethodEntry.Of<IActivationMethod, AffineActivation>(MethodOptions.Default.AffineActivation),
        MethodEntry.Of<IActivationMethod, PwlqActivation>(MethodOptions.Default.PwlqActivation),
        MethodEntry.Of<IActivationMethod, LogarithmicActivation>(MethodOptions.Default.LogarithmicActivation),
        MethodEntry.Of<IActivationMethod, LqNetsActivation>(MethodOptions.Default.LqNetsActivation),
        MethodEntry.Of<IActivationMethod, AbcNetActivation>(MethodOptions.Default.AbcNetActivation));
}
