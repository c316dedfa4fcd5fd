using Halftone.Engine.Memory;

namespace Halftone.Engine.Execution;

/// <summary>The memory of one run: an arena, and where the constants and the caller's values lie.</summary>
internal sealed unsafe class RunContext : IDisposable
{
    private readonly NativeBuffer _arena;
    private readonly NativeBuffer _slots;

    public RunContext(long arenaBytes, NativeBuffer constants, int callers)
    {
        _arena = new NativeBuffer(arenaBytes);
        _slots = new NativeBuffer((Place.Callers + callers) * sizeof(nint));
        SetSlot(Place.Arena, _arena.Pointer);
        SetSlot(Place.Constants, constants.Pointer);
    }

    /// <summary>The beginning of a slot.</summary>
    public byte* Slot(int slot) => ((byte**)_slots.Pointer)[slot];

    /// <summary>Says where a slot begins.</summary>
    public void SetSlot(int slot, byte* memory) => ((byte**)_slots.Pointer)[slot] = memory;

    /// <inheritdoc/>
    public void Dispose()
    {
        _arena.Dispose();
        _slots.Dispose();
    }
}
