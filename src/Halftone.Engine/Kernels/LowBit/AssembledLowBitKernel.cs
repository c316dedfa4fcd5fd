using System.Collections.Concurrent;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.LowBit;

/// <summary>Integer arithmetic in 512-bit vectors with VNNI, assembled at run time since .NET has no intrinsic for it.</summary>
internal sealed unsafe class AssembledLowBitKernel : IntegerLowBitKernel
{
    // code is small, and the same for all layers of a format: it is kept
    private static readonly ConcurrentDictionary<LowBitCodeKey, ExecutableMemory> s_code = new();

    private readonly nint[] _code = new nint[LowBitCode.MaxRows + 1];

    /// <exception cref="InvalidOperationException">The system grants no executable memory.</exception>
    public AssembledLowBitKernel(LowBitPanels packed)
        : base(packed)
    {
        for (int rows = 1; rows < _code.Length; rows++)
        {
            var key = new LowBitCodeKey(packed.CodeBits, packed.Steps, packed.UniformZero is null, rows);
            _code[rows] = s_code.GetOrAdd(key, static k => LowBitCode.Assemble(k) ?? throw new InvalidOperationException("The system grants no executable memory.")).Address;
        }
    }

    /// <inheritdoc/>
    protected override int TileRows(int left) => Math.Min(left, LowBitCode.MaxRows);

    /// <inheritdoc/>
    protected override void Compute(LowBitTile* tile, int rows) => ((delegate* unmanaged<LowBitTile*, void>)_code[rows])(tile);
}
