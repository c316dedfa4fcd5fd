using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Halftone.Engine.Kernels.Winograd;

/// <summary>The transforms of Winograd's F(4x4, 3x3) over the points 0, 1, -1, 2, -2 and infinity, in integers that lose nothing.</summary>
/// <remarks>
/// Y = A' [(G w G') * (B' x B)] A with B' of whole numbers and G of 24ths. 24 G is whole: what a tile comes out as is 576 times its sums.
/// The last row of 24 G is halved, and the last column of A' doubled for it, so that weights fit 16 bits: 144 * 128 is their most.
/// Inputs of 8 bits fit too: 17,340 is their most. Sums and what follows wrap at 32 bits, which loses nothing either: 576 is 64 * 9, 9 has an inverse modulo 2^32,
/// and so 64 times the sum is left, exact if the sum has 26 bits (<see cref="Fits"/>).
/// </remarks>
internal static class WinogradTransform
{
    /// <summary>Outputs of a tile along an axis.</summary>
    public const int Outputs = 4;

    /// <summary>Inputs of a tile along an axis.</summary>
    public const int Inputs = 6;

    /// <summary>Places of a tile in the transformed domain.</summary>
    public const int Places = Inputs * Inputs;

    /// <summary>What numbers of input channels are multiples of.</summary>
    public const int Lanes = 16;

    /// <summary>The inverse of 9 modulo 2^32.</summary>
    public const int InverseOfNine = 0x38E38E39;

    /// <summary>How many bits what remains is raised by.</summary>
    public const int Raised = 6;

    /// <summary>The place whose part every output of the tile gets once.</summary>
    public const int BiasPlace = Inputs + 1;

    /// <summary>Tiles that cover so many outputs.</summary>
    public static int Tiles(int outputs) => (outputs + Outputs - 1) / Outputs;

    /// <summary>Whether every sum that inputs of 8 bits can lead to has 26 bits.</summary>
    /// <param name="weights">[outputs, 3, 3, inputs].</param>
    /// <param name="bias">[outputs].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // every weight passes here while loading
    public static bool Fits(ReadOnlySpan<sbyte> weights, ReadOnlySpan<int> bias)
    {
        const long Most = (1L << (31 - Raised)) - 1;
        int each = weights.Length / bias.Length;
        if ((255L * 128 * each) + Math.Max(TensorPrimitives.Max(bias), -(long)TensorPrimitives.Min(bias)) <= Most)
        {
            return true; // whatever the weights
        }

        for (int n = 0; n < bias.Length; n++)
        {
            long least = 0, most = 0;
            foreach (sbyte w in weights.Slice(n * each, each))
            {
                least += Math.Min((int)w, 0);
                most += Math.Max((int)w, 0);
            }

            if ((255 * most) + Math.Abs((long)bias[n]) > Most || (255 * least) - Math.Abs((long)bias[n]) < -Most)
            {
                return false;
            }
        }

        return true;
    }
}
