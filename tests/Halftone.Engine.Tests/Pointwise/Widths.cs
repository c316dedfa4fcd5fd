using Halftone.Engine.Kernels.Pointwise;

namespace Halftone.Engine.Tests.Pointwise;

/// <summary>Runs a step at every width this machine has.</summary>
internal static class Widths
{
    /// <param name="step">Writes the output.</param>
    /// <param name="output">As long as a multiple of all widths.</param>
    /// <param name="check">Looks at the output.</param>
    public static void Check<TStep>(TStep step, Span<byte> output, Action check)
        where TStep : struct, ILaneStep
    {
        int count = output.Length;
        One<Lane>(true, output);
        One<Lanes4>(Lanes4.IsSupported, output);
        One<Lanes8>(Lanes8.IsSupported, output);
        One<Lanes16>(Lanes16.IsSupported, output);

        void One<TLanes>(bool supported, Span<byte> output)
            where TLanes : struct, ILanes<TLanes>
        {
            if (supported)
            {
                output.Clear();
                Assert.Equal(count, LaneLoop.Walk<TStep, TLanes>(step, 0, count));
                check();
            }
        }
    }
}
