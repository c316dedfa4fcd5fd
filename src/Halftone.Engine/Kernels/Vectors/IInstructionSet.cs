namespace Halftone.Engine.Kernels.Vectors;

/// <summary>What the kernels' loops ask of a machine: dot products of quads, four bytes of activations with four weights, for 16 channels at once.</summary>
/// <typeparam name="TSums">16 sums of 32 bits.</typeparam>
/// <typeparam name="TQuads">16 quads of bytes.</typeparam>
/// <typeparam name="TQuad">One quad, repeated over a register.</typeparam>
internal unsafe interface IInstructionSet<TSums, TQuads, TQuad>
{
    /// <summary>How many steps a quad takes, 1 or 2. Weights have 64 bytes a step.</summary>
    static abstract int Steps { get; }

    /// <summary>What is taken off activations before they are multiplied; the biases make up for it.</summary>
    static abstract int ActivationOffset { get; }

    /// <summary>Loads 16 sums.</summary>
    static abstract TSums Sums(int* from);

    /// <summary>Adds sums.</summary>
    static abstract TSums Sum(TSums left, TSums right);

    /// <summary>Loads the weights of a step.</summary>
    static abstract TQuads Weights(sbyte* from);

    /// <summary>Unpacks the weights of a step from 4 bits each, the 32 bytes of a quad (<see cref="QuadWeights.Pack"/>).</summary>
    static abstract TQuads Nibbles(sbyte* from, int step);

    /// <summary>Loads a quad as a step needs it.</summary>
    static abstract TQuad Quad(byte* from, int step);

    /// <summary>Adds the products of one quad and the weights of 16 channels.</summary>
    static abstract TSums Add(TSums sums, TQuad quad, TQuads weights);

    /// <summary>16 quads, each of the bytes that four rows of 16 have at its place.</summary>
    static abstract TQuads Interleave(byte* first, byte* second, byte* third, byte* fourth);

    /// <summary>Adds the products of 16 quads and their channels' weights, of all steps.</summary>
    static abstract TSums Add(TSums sums, TQuads quads, sbyte* weights);
}

/// <summary>What the kernels' loops do with 16 finished sums.</summary>
/// <typeparam name="TSums">16 sums of 32 bits.</typeparam>
internal unsafe interface IVectorEpilogue<TSums>
{
    /// <summary>Stores what becomes of the sums of 16 channels.</summary>
    /// <param name="sums">The sums.</param>
    /// <param name="columns">The channels' parameters, 16 of each kind after another; see <see cref="ChannelBlocks"/>.</param>
    /// <param name="range">The codes there are.</param>
    /// <param name="y">Where 16 elements go.</param>
    static abstract void Store(TSums sums, int* columns, in CodeRange range, byte* y);
}
