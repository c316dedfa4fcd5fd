using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>One or several nodes that run as one, in a form of their own.</summary>
internal abstract class Unit
{
    /// <summary>The node it is named after.</summary>
    public required Node Node { get; init; }

    /// <summary>What it reads.</summary>
    public abstract ImmutableArray<Need> Needs { get; }

    /// <summary>What it makes.</summary>
    public abstract ImmutableArray<Held> Makes { get; }

    /// <summary>Packs its constants and adds its steps.</summary>
    public abstract void Emit(PlanBuilder plan);

    /// <summary>Says that the node cannot have the arithmetic the caller asked for.</summary>
    protected ModelException CannotHave(string asked) =>
        new($"Node '{Node.Name}' ({Node.Op}) cannot have {asked}: the engine computes those where the weights, all scales and zero points are constants.");

    /// <summary>For profiles.</summary>
    protected string Label => $"{Node.Op} {Node.Name}";
}
