using System.Runtime.Intrinsics.X86;

namespace Halftone.OnnxRuntime.Tests;

public sealed class MachineTests
{
    private static readonly MachineDescription s_machine = Machine.Describe();

    [Fact]
    public void Describes_this_machine()
    {
        Assert.NotEmpty(s_machine.Processor);
        Assert.Equal(Environment.ProcessorCount, s_machine.Cores);
        Assert.Matches(@"^\d+\.\d+\.\d+", s_machine.OnnxRuntime);
        Assert.Equal(Avx2.IsSupported, s_machine.InstructionSets.Contains("AVX2"));
        Assert.NotEmpty(s_machine.Expectation);
    }

    [Fact]
    public void Agrees_with_what_the_kernel_says_of_the_processor()
    {
        Assert.SkipUnless(File.Exists("/proc/cpuinfo"), "needs Linux");
        string info = File.ReadAllText("/proc/cpuinfo");
        string[] flags = info.Split('\n').FirstOrDefault(l => l.StartsWith("flags", StringComparison.Ordinal) || l.StartsWith("Features", StringComparison.Ordinal))?.Split(' ') ?? [];

        Assert.Equal(flags.Contains("avx512_vnni") || flags.Contains("avx_vnni") || flags.Contains("asimddp"), s_machine.DotProducts);
    }

    [Fact]
    public void Dot_product_instructions_do_not_saturate()
    {
        Assert.SkipUnless(s_machine.DotProducts, "needs VNNI or dotprod");

        Assert.False(s_machine.MatMulSaturates || s_machine.ConvSaturates);
    }

    [Fact]
    public void Exact_products_never_saturate()
    {
        Assert.False(Saturation.OfMatMulInteger(exactProducts: true));
        Assert.False(Saturation.OfQLinearMatMul(exactProducts: true));
        Assert.False(Saturation.OfQLinearConv(exactProducts: true));
    }

    [Fact]
    public void Says_so_where_sums_saturate()
    {
        MachineDescription saturating = s_machine with { DotProducts = false, MatMulSaturates = true, ConvSaturates = false };

        Assert.Contains("matrix products of uint8 by int8 add pairs in saturating 16 bits", saturating.Expectation);
        Assert.Contains("exact", (s_machine with { MatMulSaturates = false, ConvSaturates = false }).Expectation);
    }
}
