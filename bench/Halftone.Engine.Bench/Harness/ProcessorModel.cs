using System.Globalization;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Bench.Harness;

/// <summary>Family and model of the processor: virtual machines often give the same name to processors of different generations, whose ratios differ.</summary>
internal static class ProcessorModel
{
    /// <summary>" (family 26 model 2)", or nothing on other architectures than x86.</summary>
    public static string Describe()
    {
        if (!X86Base.IsSupported)
        {
            return "";
        }

        // CPUID leaf 1: the extended fields count from family 15 on
        int signature = X86Base.CpuId(1, 0).Eax;
        int family = (signature >> 8) & 15;
        int model = (signature >> 4) & 15;
        if (family is 6 or 15)
        {
            model += (signature >> 12) & 0xF0;
        }

        if (family == 15)
        {
            family += (signature >> 20) & 0xFF;
        }

        return string.Create(CultureInfo.InvariantCulture, $" (family {family} model {model})");
    }
}
