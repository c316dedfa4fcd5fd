using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Engine.Dense;

/// <summary>Computes the outputs of one operator from row-major inputs, or a part of them.</summary>
/// <param name="inputs">One pointer an input; null for one left out.</param>
/// <param name="outputs">One pointer an output; null for one left out.</param>
/// <param name="scratch">Scratch memory of this part, <see cref="DensePlan.ScratchBytes"/> long, aligned to 64 bytes.</param>
/// <param name="part">Which part, from 0.</param>
/// <param name="parts">How many parts, at most <see cref="DensePlan.MostParts"/>; all of them together make the whole, each its own elements, in any order.</param>
internal unsafe delegate void DenseKernel(byte** inputs, byte** outputs, byte* scratch, int part, int parts);

/// <summary>An operator made ready for inputs of known types and lengths. Everything was checked: the kernel stays inside its inputs and outputs.</summary>
/// <param name="Outputs">Types of the outputs.</param>
/// <param name="Kernel">What computes them; allocates nothing, and may run in several threads at once.</param>
internal sealed record DensePlan(ImmutableArray<TensorType> Outputs, DenseKernel Kernel)
{
    /// <summary>How many parts the work can be split into.</summary>
    public int MostParts { get; init; } = 1;

    /// <summary>Scratch bytes a part needs.</summary>
    public int ScratchBytes { get; init; }
}

/// <summary>A node whose inputs' types are known.</summary>
internal sealed class DenseRequest(Node node, int opset, ImmutableArray<TensorType?> inputs, ImmutableArray<Tensor?> constants)
{
    public Node Node => node;

    /// <summary>Version of ONNX's operator set the model is written in.</summary>
    public int Opset => opset;

    /// <summary>How many inputs the node lists; the last may be left out all the same.</summary>
    public int InputCount => inputs.Length;

    /// <summary>Whether an input is there.</summary>
    public bool Has(int input) => input < inputs.Length && inputs[input] is not null;

    /// <summary>Type of an input.</summary>
    /// <exception cref="ModelException">It is left out.</exception>
    public TensorType Input(int input) =>
        Has(input) ? inputs[input]!.Value : throw new ModelException($"Node '{node.Name}' ({node.Op}) lacks its input {input}.");

    /// <summary>The value of an input that is known before any run, or null.</summary>
    public Tensor? Constant(int input) => input < constants.Length ? constants[input] : null;

    /// <summary>The value of an input that must be known before any run, as shapes and axes are.</summary>
    /// <exception cref="ModelException">It is computed at run time.</exception>
    public Tensor Known(int input) =>
        Constant(input) ?? throw new ModelException($"Node '{node.Name}' ({node.Op}) computes its input {input} while it runs; the engine needs to know it before.");

    /// <summary>Says that the node cannot be run here, and why.</summary>
    public ModelException Refusal(string why) => new($"Node '{node.Name}' ({node.Op}) cannot run in the engine: {why}");
}
