using Microsoft.ML.OnnxRuntime;

namespace Halftone.Onnx.Tests.Targets;

/// <summary>ONNX Runtime as an oracle: runs a model, or shows what its optimizer makes of one.</summary>
internal static class Ort
{
    /// <summary>Runs a model once on one thread.</summary>
    public static Tensor[] Run(Model model, IReadOnlyDictionary<string, Tensor> inputs, GraphOptimizationLevel level = GraphOptimizationLevel.ORT_DISABLE_ALL, bool int8 = false) =>
        Run(model.ToBytes(), inputs, level, int8);

    /// <summary>Runs the bytes of a model file.</summary>
    public static Tensor[] Run(byte[] model, IReadOnlyDictionary<string, Tensor> inputs, GraphOptimizationLevel level = GraphOptimizationLevel.ORT_DISABLE_ALL, bool int8 = false)
    {
        using SessionOptions options = Options(level);
        if (int8)
        {
            options.AddSessionConfigEntry("session.qdqisint8allowed", "1");
        }

        using InferenceSession session = new(model, options);
        using RunOptions run = new();
        string[] names = [.. inputs.Keys];
        OrtValue[] values = [.. names.Select(n => Value(inputs[n]))];
        using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, names, values, session.OutputNames);
        Tensor[] results = [.. outputs.Select(Read)];
        foreach (OrtValue value in values)
        {
            value.Dispose();
        }

        return results;
    }

    /// <summary>Operators of the optimized model, in order, without the pairs at its rim.</summary>
    public static string[] Optimized(Model model, bool int8 = false, GraphOptimizationLevel level = GraphOptimizationLevel.ORT_ENABLE_ALL)
    {
        using TemporaryFolder folder = new();
        using SessionOptions options = Options(level);
        options.OptimizedModelFilePath = folder.File("optimized.onnx");
        if (int8)
        {
            options.AddSessionConfigEntry("session.qdqisint8allowed", "1");
        }

        using (InferenceSession session = new(model.ToBytes(), options))
        {
        }

        return [.. Model.Load(folder.File("optimized.onnx")).Graph.Nodes.Select(n => n.Op)];
    }

    private static SessionOptions Options(GraphOptimizationLevel level) => new()
    {
        GraphOptimizationLevel = level,
        IntraOpNumThreads = 1,
        InterOpNumThreads = 1,
        LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
    };

    private static OrtValue Value(Tensor tensor)
    {
        var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, (Microsoft.ML.OnnxRuntime.Tensors.TensorElementType)(int)tensor.Type, [.. tensor.Dims]);
        tensor.Bytes.CopyTo(value.GetTensorMutableRawData());
        return value;
    }

    private static Tensor Read(OrtValue value)
    {
        OrtTensorTypeAndShapeInfo info = value.GetTensorTypeAndShape();
        return new Tensor((ElementType)(int)info.ElementDataType, info.Shape, value.GetTensorMutableRawData().ToArray());
    }
}
