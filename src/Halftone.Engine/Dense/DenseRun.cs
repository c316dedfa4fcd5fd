using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Halftone.Onnx;

namespace Halftone.Engine.Dense;

/// <summary>Runs one operator on known values, in one part: constant folding and tests do.</summary>
internal static unsafe class DenseRun
{
    /// <summary>Computes all outputs.</summary>
    /// <param name="node">An operator of <see cref="DenseOperators.All"/>.</param>
    /// <param name="opset">Version of ONNX's operator set.</param>
    /// <param name="inputs">One for each input the node lists; null for one left out.</param>
    /// <exception cref="ModelException">The operator is not there, or does not take these inputs.</exception>
    public static Tensor[] Compute(Node node, int opset, Tensor?[] inputs)
    {
        DensePlan plan = Prepare(node, opset, inputs);
        byte[][] outputs = [.. plan.Outputs.Select(o => GC.AllocateUninitializedArray<byte>((int)o.Bytes, pinned: true))];
        Run(plan, inputs, outputs, parts: 1);
        return [.. plan.Outputs.Zip(outputs, (type, bytes) => new Tensor(type.Element, [.. type.Dims.Select(d => (long)d)], bytes))];
    }

    /// <summary>The plan for inputs that are all known.</summary>
    public static DensePlan Prepare(Node node, int opset, Tensor?[] inputs)
    {
        ImmutableArray<TensorType?> types = [.. inputs.Select((t, i) => t is null ? (TensorType?)null : TypeOf(node, i, t))];
        return DenseOperators.Of(node)(new DenseRequest(node, opset, types, [.. inputs]));
    }

    /// <summary>Runs a plan in some parts, one after another.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="inputs">Its inputs.</param>
    /// <param name="outputs">Pinned arrays of the outputs' lengths.</param>
    /// <param name="parts">How many.</param>
    public static void Run(DensePlan plan, Tensor?[] inputs, byte[][] outputs, int parts)
    {
        MemoryHandle[] pins = [.. inputs.Select(t => t?.Pin() ?? default)];
        byte* scratch = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(plan.ScratchBytes, 64), 64);
        try
        {
            byte** x = stackalloc byte*[inputs.Length + 1];
            byte** y = stackalloc byte*[outputs.Length + 1];
            for (int i = 0; i < inputs.Length; i++)
            {
                x[i] = (byte*)pins[i].Pointer;
            }

            for (int i = 0; i < outputs.Length; i++)
            {
                y[i] = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(outputs[i], 0);
            }

            for (int part = 0; part < parts; part++)
            {
                plan.Kernel(x, y, scratch, part, parts);
            }
        }
        finally
        {
            NativeMemory.AlignedFree(scratch);
            Array.ForEach(pins, p => p.Dispose());
        }
    }

    private static TensorType TypeOf(Node node, int input, Tensor tensor) =>
        tensor.Type.Bits() >= 8 && tensor.Dims.All(d => d <= Lengths.MostBytes) && tensor.ByteLength <= Lengths.MostBytes
            ? new TensorType(tensor.Type, [.. tensor.Dims.Select(d => (int)d)])
            : throw new ModelException($"Node '{node.Name}' ({node.Op}) cannot run in the engine: its input {input} is {tensor.Type.OnnxName()}[{string.Join(",", tensor.Dims)}].");
}
