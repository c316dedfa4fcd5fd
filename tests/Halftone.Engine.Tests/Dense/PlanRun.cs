using System.Runtime.InteropServices;
using Halftone.Engine.Dense;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Dense;

/// <summary>Runs a plan on tensors, its memory fenced in by known bytes that must survive.</summary>
internal static unsafe class PlanRun
{
    private const int Fence = 256;
    private const byte FenceByte = 0xA5;

    /// <summary>Makes a node ready; says which inputs are known before any run.</summary>
    public static DensePlan Ready(Node node, int opset, Tensor?[] inputs, Func<int, bool> constant) => DenseOperators.Of(node)(new DenseRequest(
        node,
        opset,
        [.. inputs.Select(t => t is null ? (TensorType?)null : new TensorType(t.Type, [.. t.Dims.Select(d => (int)d)]))],
        [.. inputs.Select((t, i) => constant(i) ? t : null)]));

    public static Tensor[] Run(DensePlan plan, Tensor?[] inputs, int parts = 1)
    {
        List<nint> memory = [];
        nint Allocate(long bytes)
        {
            byte* block = (byte*)NativeMemory.AlignedAlloc((nuint)(bytes + (2 * Fence)), 64);
            new Span<byte>(block, (int)(bytes + (2 * Fence))).Fill(FenceByte);
            memory.Add((nint)block);
            return (nint)block + Fence;
        }

        byte** from = stackalloc byte*[inputs.Length];
        byte** to = stackalloc byte*[plan.Outputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            from[i] = inputs[i] is { } tensor ? (byte*)Allocate(tensor.ByteLength) : null;
            inputs[i]?.Bytes.CopyTo(new Span<byte>(from[i], (int)inputs[i]!.ByteLength));
        }

        for (int i = 0; i < plan.Outputs.Length; i++)
        {
            to[i] = (byte*)Allocate(plan.Outputs[i].Bytes);
        }

        nint scratch = Allocate(plan.ScratchBytes);
        for (int part = parts - 1; part >= 0; part--)
        {
            plan.Kernel(from, to, (byte*)scratch, part, parts);
        }

        Tensor[] outputs = new Tensor[plan.Outputs.Length];
        for (int i = 0; i < outputs.Length; i++)
        {
            outputs[i] = new Tensor(plan.Outputs[i].Element, [.. plan.Outputs[i].Dims.Select(d => (long)d)], new Span<byte>(to[i], (int)plan.Outputs[i].Bytes).ToArray());
            CheckFences(to[i], plan.Outputs[i].Bytes);
        }

        CheckFences((byte*)scratch, plan.ScratchBytes);
        memory.ForEach(m => NativeMemory.AlignedFree((void*)m));
        return outputs;
    }

    private static void CheckFences(byte* block, long bytes)
    {
        Assert.False(new ReadOnlySpan<byte>(block - Fence, Fence).ContainsAnyExcept(FenceByte), "bytes before a buffer were written");
        Assert.False(new ReadOnlySpan<byte>(block + bytes, Fence).ContainsAnyExcept(FenceByte), "bytes behind a buffer were written");
    }
}
