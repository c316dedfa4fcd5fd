using System.Collections.Immutable;

namespace Halftone.Onnx.Targets;

/// <summary>Every runtime and chip that Halftone knows. Adding one is adding its line.</summary>
public static class TargetList
{
    /// <summary>All of them.</summary>
    public static ImmutableArray<Target> All { get; } =
    [
        OnnxRuntimeTargets.X64, OnnxRuntimeTargets.X64Vnni, OnnxRuntimeTargets.Arm64, OnnxRuntimeTargets.Portable,
        TensorRtTarget.Int8, TfLiteTarget.Int8,
        ChipTargets.TuringInt8, ChipTargets.TuringInt4, ChipTargets.TuringInt1,
        ChipTargets.Imagination, ChipTargets.AppleNeuralEngine, ChipTargets.TeslaFsd,
    ];

    /// <summary>The target of that id.</summary>
    /// <exception cref="ArgumentException">There is none; the message names the nearest and lists those there are.</exception>
    public static Target Find(string id) =>
        All.FirstOrDefault(t => t.Id == id)
        ?? throw new ArgumentException(
            $"There is no target '{id}'. Did you mean '{Spelling.Nearest(id, All.Select(t => t.Id))}'? There are: {string.Join(", ", All.Select(t => t.Id))}.");
}
