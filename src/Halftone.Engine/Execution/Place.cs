namespace Halftone.Engine.Execution;

/// <summary>Where a value lies while a plan runs: in the arena, among the constants, or in the caller's memory.</summary>
internal sealed unsafe class Place
{
    /// <summary>Slot of the arena.</summary>
    public const int Arena = 0;

    /// <summary>Slot of the constants.</summary>
    public const int Constants = 1;

    /// <summary>Slot of the first input; the others and the outputs follow.</summary>
    public const int Callers = 2;

    public Place(int slot, long bytes)
    {
        Slot = slot;
        Bytes = bytes;
    }

    /// <summary>Which memory; final when memory is planned.</summary>
    public int Slot { get; set; }

    /// <summary>Bytes taken.</summary>
    public long Bytes { get; }

    /// <summary>Where in it; set when memory is planned.</summary>
    public long Offset { get; set; }

    /// <summary>The first step that touches it; past all steps before any does.</summary>
    public int First { get; set; } = int.MaxValue;

    /// <summary>The last step that touches it.</summary>
    public int Last { get; set; } = -1;

    /// <summary>Its first byte in a run.</summary>
    public byte* At(RunContext context) => context.Slot(Slot) + Offset;
}
