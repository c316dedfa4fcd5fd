using System.Runtime.InteropServices;

namespace Halftone.Engine.Bench.Peers;

/// <summary>oneDNN's C API, version 2, as far as one 8-bit layer needs it; the library comes with Debian's package libdnnl2.</summary>
/// <remarks>Descriptors are structures that the library fills and reads; here they are bytes, more than the largest takes.</remarks>
internal static unsafe partial class OneDnnNative
{
    public const int DescriptorBytes = 16384; // dnnl_convolution_desc_t takes 5976 in version 2.6

    public const int F32 = 3;
    public const int S32 = 4;
    public const int S8 = 5;
    public const int U8 = 6;

    public const int Any = 1;
    public const int Vector = 2; // a
    public const int RowMajor = 3; // ab
    public const int Oihw = 5;
    public const int Goihw = 7;
    public const int Nhwc = 20;

    public const int ForwardInference = 96;
    public const int ConvolutionDirect = 1;
    public const int QueryName = 8;
    public const int QueryWeights = 131;

    public const int ArgSource = 1;
    public const int ArgTarget = 17;
    public const int ArgWeights = 33;
    public const int ArgBias = 41;

    private const string Library = "libdnnl.so.2";
    private const int Cpu = 1;
    private const int DefaultStream = 1;
    private static readonly Lazy<(nint Engine, nint Stream)> s_session = new(Start);

    /// <summary>Whether the library can be loaded here.</summary>
    public static bool IsPresent { get; } = NativeLibrary.TryLoad(Library, out _);

    /// <summary>The processor.</summary>
    public static nint Processor => s_session.Value.Engine;

    /// <summary>What primitives are put into.</summary>
    public static nint Queue => s_session.Value.Stream;

    /// <summary>Fails where a call did.</summary>
    public static void Check(int status, string what)
    {
        if (status != 0)
        {
            throw new InvalidOperationException($"oneDNN: {what} gave status {status}.");
        }
    }

    private static (nint Engine, nint Stream) Start()
    {
        Check(EngineCreate(out nint engine, Cpu, 0), "creating the engine");
        Check(StreamCreate(out nint stream, engine, DefaultStream), "creating the stream");
        return (engine, stream);
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Argument
    {
        public int Place;
        public nint Memory;
    }

    [LibraryImport("libgomp.so.1", EntryPoint = "omp_set_num_threads")]
    public static partial void SetThreads(int count);

    [LibraryImport(Library, EntryPoint = "dnnl_engine_create")]
    private static partial int EngineCreate(out nint engine, int kind, nuint index);

    [LibraryImport(Library, EntryPoint = "dnnl_stream_create")]
    private static partial int StreamCreate(out nint stream, nint engine, int flags);

    [LibraryImport(Library, EntryPoint = "dnnl_stream_wait")]
    public static partial int StreamWait(nint stream);

    [LibraryImport(Library, EntryPoint = "dnnl_memory_desc_init_by_tag")]
    public static partial int MemoryDescriptor(byte* descriptor, int rank, long* dims, int type, int tag);

    [LibraryImport(Library, EntryPoint = "dnnl_convolution_forward_desc_init")]
    public static partial int ConvolutionDescriptor(
        byte* descriptor, int kind, int algorithm, byte* source, byte* weights, byte* bias, byte* target, long* strides, long* padsBefore, long* padsAfter);

    [LibraryImport(Library, EntryPoint = "dnnl_matmul_desc_init")]
    public static partial int MatMulDescriptor(byte* descriptor, byte* source, byte* weights, byte* bias, byte* target);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_attr_create")]
    public static partial int AttributesCreate(out nint attributes);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_attr_set_output_scales")]
    public static partial int AttributesSetScales(nint attributes, long count, int mask, float* scales);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_attr_destroy")]
    public static partial int AttributesDestroy(nint attributes);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_desc_create")]
    public static partial int PrimitiveDescriptorCreate(out nint descriptor, byte* operation, nint attributes, nint engine, nint hint);

    [LibraryImport(Library, EntryPoint = "dnnl_reorder_primitive_desc_create")]
    public static partial int ReorderDescriptorCreate(out nint descriptor, byte* source, nint sourceEngine, byte* target, nint targetEngine, nint attributes);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_desc_query_md")]
    public static partial byte* QueryMemoryDescriptor(nint descriptor, int what, int index);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_desc_query")]
    public static partial int Query(nint descriptor, int what, int index, void* result);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_desc_destroy")]
    public static partial int PrimitiveDescriptorDestroy(nint descriptor);

    [LibraryImport(Library, EntryPoint = "dnnl_memory_desc_get_size")]
    public static partial nuint MemorySize(byte* descriptor);

    [LibraryImport(Library, EntryPoint = "dnnl_memory_create")]
    public static partial int MemoryCreate(out nint memory, byte* descriptor, nint engine, void* handle);

    [LibraryImport(Library, EntryPoint = "dnnl_memory_destroy")]
    public static partial int MemoryDestroy(nint memory);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_create")]
    public static partial int PrimitiveCreate(out nint primitive, nint descriptor);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_execute")]
    public static partial int Execute(nint primitive, nint stream, int count, Argument* arguments);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_destroy")]
    public static partial int PrimitiveDestroy(nint primitive);
}
