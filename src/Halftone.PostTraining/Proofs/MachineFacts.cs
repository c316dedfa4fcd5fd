using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Halftone.OnnxRuntime;

namespace Halftone.PostTraining.Proofs;

/// <summary>Machine and versions, for the report.</summary>
internal static class MachineFacts
{
    public static ImmutableSortedDictionary<string, string> Describe()
    {
        MachineDescription machine = Machine.Describe();
        return new Dictionary<string, string>
        {
            ["processor"] = machine.Processor,
            ["ONNX Runtime"] = OrtSession.RuntimeVersion,
            [".NET"] = RuntimeInformation.FrameworkDescription,
            ["system"] = RuntimeInformation.OSDescription,
            ["Halftone"] = typeof(MachineFacts).Assembly.GetName().Version!.ToString(3),
        }.ToImmutableSortedDictionary(StringComparer.Ordinal);
    }
}
