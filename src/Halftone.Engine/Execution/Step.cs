namespace Halftone.Engine.Execution;

/// <summary>One piece of work of a compiled model. Immutable; allocates nothing when it runs.</summary>
internal abstract class Step
{
    /// <summary>What it does, for profiles: the operator and the node it comes from.</summary>
    public required string Name { get; init; }

    /// <summary>How many parts it can be split into; all parts together do the work, in any order or at once.</summary>
    public virtual int MostParts => 1;

    /// <summary>About how many nanoseconds it takes in one thread; short ones are not worth waking another thread.</summary>
    public virtual long Nanoseconds => 1000;

    /// <summary>Does one part.</summary>
    public abstract void Run(RunContext context, int part, int parts);

    /// <summary>The first of some units that a part does; the part ends where the next begins.</summary>
    protected static int Share(int units, int part, int parts) => (int)((long)units * part / parts);
}
