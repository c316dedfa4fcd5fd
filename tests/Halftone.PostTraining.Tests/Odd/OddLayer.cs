using Halftone.Data;
using Halftone.Onnx;

namespace Halftone.PostTraining.Tests.Odd;

/// <summary>A small model with one layer that quantizers trip over.</summary>
/// <param name="Name">What is odd.</param>
/// <param name="Build">Makes the model anew.</param>
internal sealed record OddLayer(string Name, Func<Model> Build)
{
    /// <summary>Length of free axes behind the first.</summary>
    public long FreeLength { get; init; } = 1;

    /// <summary>Samples for it.</summary>
    public IDataSet Data(Model model, int count = 8) => new SeededData(model.Graph.Inputs, count) { FreeLength = _ => FreeLength };

    public override string ToString() => Name;
}

/// <summary>All of them.</summary>
internal static class OddLayers
{
    public static IReadOnlyList<OddLayer> All { get; } = [.. OddConvolutions.All, .. OddProducts.All, .. OddStructures.All];

    public static OddLayer Find(string name) => All.Single(l => l.Name == name);
}
