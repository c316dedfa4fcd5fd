using System.Runtime.InteropServices;
using Halftone.Engine.Bench.Layers;
using Halftone.Onnx;
using static Halftone.Engine.Bench.Peers.OneDnnNative;

namespace Halftone.Engine.Bench.Peers;

/// <summary>One 8-bit layer in oneDNN: uint8 by int8 gives uint8 with one scale a channel; images are NHWC, weights are brought once into the order the library asks for.</summary>
internal sealed unsafe class OneDnn : ICheckedPeer
{
    private const int ChannelAxis = 1; // of what comes out, as oneDNN counts: N, C, H, W or M, N

    private readonly OneDnnArena _arena;
    private readonly Argument* _arguments;
    private readonly int _count;
    private readonly nint _primitive;
    private readonly byte* _output;
    private readonly ILayer _layer;

    private OneDnn(ILayer layer, OneDnnArena arena, Descriptors descriptors)
    {
        (_layer, _arena) = (layer, arena);
        nint kernel = Kernel(descriptors.Operation, layer.Scales);
        Check(PrimitiveCreate(out _primitive, kernel), "creating the primitive");
        List<Argument> arguments =
        [
            new() { Place = ArgSource, Memory = arena.Memory(descriptors.Source, layer.Input.Bytes) },
            new() { Place = ArgWeights, Memory = Ordered(arena, descriptors.Weights, QueryMemoryDescriptor(kernel, QueryWeights, 0), layer.Weights) },
        ];
        if (descriptors.Bias is not null)
        {
            arguments.Add(new() { Place = ArgBias, Memory = arena.Memory(descriptors.Bias, MemoryMarshal.AsBytes<int>(layer.Bias)) });
        }

        arguments.Add(new() { Place = ArgTarget, Memory = arena.Memory(descriptors.Target, [], out _output) });
        _count = arguments.Count;
        _arguments = (Argument*)arena.Allocate((nuint)(_count * sizeof(Argument)));
        CollectionsMarshal.AsSpan(arguments).CopyTo(new Span<Argument>(_arguments, _count));
        Check(PrimitiveDescriptorDestroy(kernel), "freeing a kernel's description");
        Run();
    }

    public string Name => "oneDNN";

    /// <summary>A convolution.</summary>
    /// <param name="layer">What to compute.</param>
    /// <param name="threads">Threads of OpenMP; the library splits the work when the primitive is made, so that only peers of as many threads may run beside it.</param>
    public static OneDnn Convolution(ConvLayer layer, int threads)
    {
        SetThreads(threads);
        ConvShape s = layer.Shape;
        bool grouped = s.Groups > 1;
        long[] weights = grouped ? [s.Groups, s.Outputs / s.Groups, s.Channels / s.Groups, s.Kernel, s.Kernel] : [s.Outputs, s.Channels, s.Kernel, s.Kernel];
        var arena = new OneDnnArena();
        byte* source = arena.Descriptor([1, s.Channels, s.Height, s.Width], U8, Nhwc);
        byte* target = arena.Descriptor([1, s.Outputs, s.OutputHeight, s.OutputWidth], U8, Nhwc);
        byte* bias = arena.Descriptor([s.Outputs], S32, Vector);
        byte* operation = arena.Allocate(DescriptorBytes);
        long* strides = stackalloc long[] { s.Stride, s.Stride };
        long* pads = stackalloc long[] { s.Pad, s.Pad };
        Check(
            ConvolutionDescriptor(operation, ForwardInference, ConvolutionDirect, source, arena.Descriptor(weights, S8, Any), bias, target, strides, pads, pads),
            "describing the convolution");
        return new OneDnn(layer, arena, new Descriptors(operation, source, arena.Descriptor(weights, S8, grouped ? Goihw : Oihw), bias, target));
    }

    /// <summary>A matrix product.</summary>
    /// <inheritdoc cref="Convolution"/>
    public static OneDnn Product(ProductLayer layer, int threads)
    {
        SetThreads(threads);
        ProductShape s = layer.Shape;
        var arena = new OneDnnArena();
        byte* source = arena.Descriptor([s.Rows, s.Depth], U8, RowMajor);
        byte* target = arena.Descriptor([s.Rows, s.Columns], U8, RowMajor);
        byte* operation = arena.Allocate(DescriptorBytes);
        Check(MatMulDescriptor(operation, source, arena.Descriptor([s.Depth, s.Columns], S8, Any), null, target), "describing the product");
        return new OneDnn(layer, arena, new Descriptors(operation, source, arena.Descriptor([s.Depth, s.Columns], S8, RowMajor), null, target));
    }

    public void Run()
    {
        Check(Execute(_primitive, Queue, _count, _arguments), "running");
        Check(StreamWait(Queue), "waiting");
    }

    public Tensor Output() => Tensor.Of(new ReadOnlySpan<byte>(_output, (int)_layer.OutputCount), _layer.OutputDims);

    public void Dispose()
    {
        Check(PrimitiveDestroy(_primitive), "freeing the primitive");
        _arena.Dispose();
    }

    // the kernel that the library chooses for an operation with one scale a channel
    private static nint Kernel(byte* operation, float[] scales)
    {
        Check(AttributesCreate(out nint attributes), "creating attributes");
        fixed (float* values = scales)
        {
            Check(AttributesSetScales(attributes, scales.Length, 1 << ChannelAxis, values), "setting scales");
        }

        Check(PrimitiveDescriptorCreate(out nint kernel, operation, attributes, Processor, 0), "choosing a kernel");
        Check(AttributesDestroy(attributes), "freeing attributes");
        return kernel;
    }

    private static nint Ordered(OneDnnArena arena, byte* plain, byte* wanted, sbyte[] weights)
    {
        nint from = arena.Memory(plain, MemoryMarshal.AsBytes<sbyte>(weights));
        nint to = arena.Memory(wanted, []);
        Check(ReorderDescriptorCreate(out nint reorder, plain, Processor, wanted, Processor, 0), "describing the order of weights");
        Check(PrimitiveCreate(out nint primitive, reorder), "creating the reorder");
        Argument* arguments = stackalloc Argument[] { new() { Place = ArgSource, Memory = from }, new() { Place = ArgTarget, Memory = to } };
        Check(Execute(primitive, Queue, 2, arguments), "ordering weights");
        Check(StreamWait(Queue), "waiting");
        Check(PrimitiveDestroy(primitive), "freeing the reorder");
        Check(PrimitiveDescriptorDestroy(reorder), "freeing the reorder's description");
        return to;
    }

    /// <summary>Descriptors of an operation; weights as they come, bias may be null.</summary>
    private readonly struct Descriptors(byte* operation, byte* source, byte* weights, byte* bias, byte* target)
    {
        public readonly byte* Operation = operation;
        public readonly byte* Source = source;
        public readonly byte* Weights = weights;
        public readonly byte* Bias = bias;
        public readonly byte* Target = target;
    }
}
