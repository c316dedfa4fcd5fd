using System.Buffers;
using Halftone.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Tensor = Halftone.Onnx.Tensor;

namespace Halftone.OnnxRuntime;

/// <summary>Sees one float output of a run, without a copy; the spans are gone when it returns.</summary>
/// <param name="name">Name of the output.</param>
/// <param name="dims">Its lengths.</param>
/// <param name="values">Its values, row-major.</param>
public delegate void OutputVisitor(string name, ReadOnlySpan<long> dims, ReadOnlySpan<float> values);

/// <summary>A model loaded into ONNX Runtime. Runs may go on in several threads at once; dispose it after the last has ended.</summary>
public sealed class OrtSession : IModelRunner
{
    private const long LargestInMemory = 1_900_000_000; // bytes; protobuf stops at 2 GB
    private static readonly byte[] s_empty = new byte[8]; // what an empty tensor points to

    private readonly InferenceSession _session;
    private readonly string? _folder;
    private readonly string _name;

    private OrtSession(InferenceSession session, string name, string? folder)
    {
        _session = session;
        _name = name;
        _folder = folder;
        Inputs = [.. session.InputNames.Select(n => Info(n, session.InputMetadata[n]))];
        Outputs = [.. session.OutputNames.Select(n => Info(n, session.OutputMetadata[n]))];
    }

    /// <summary>What must be fed.</summary>
    public IReadOnlyList<ValueInfo> Inputs { get; }

    /// <summary>The outputs, with the types and lengths that ONNX Runtime inferred; a type is Undefined for sequences and maps.</summary>
    public IReadOnlyList<ValueInfo> Outputs { get; }

    /// <summary>Version of ONNX Runtime.</summary>
    public static string RuntimeVersion => Environment().GetVersionString();

    /// <summary>Loads a model. One over 2 GB, or with mapped constants, goes through a folder of temporary files, which lives as long as the session.</summary>
    /// <remarks>It writes the model out, which sorts its nodes: load one model in one thread at a time.</remarks>
    /// <exception cref="ModelException">ONNX Runtime refuses the model; the message says why.</exception>
    /// <exception cref="IOException">The temporary files cannot be written.</exception>
    public static OrtSession Load(Model model, OrtOptions? options = null)
    {
        string name = model.Path ?? "model";
        if (model.Graph.Initializers.Values.Sum(t => t.ByteLength) <= LargestInMemory && !model.Graph.Initializers.Values.Any(t => t.IsMapped))
        {
            byte[] bytes = model.ToBytes();
            return new OrtSession(Open(name, options, o => new InferenceSession(bytes, o)), name, folder: null);
        }

        string folder = Directory.CreateTempSubdirectory("halftone-").FullName;
        try
        {
            string path = Path.Combine(folder, "model.onnx");
            model.Save(path, externalData: true);
            return new OrtSession(Open(name, options, o => new InferenceSession(path, o)), name, folder);
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>Loads a model file; external data is read from beside it.</summary>
    /// <exception cref="ModelException">ONNX Runtime refuses the model; the message says why.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static OrtSession Load(string path, OrtOptions? options = null) =>
        File.Exists(path)
            ? new OrtSession(Open(path, options, o => new InferenceSession(path, o)), path, folder: null)
            : throw new FileNotFoundException($"There is no model file '{path}'.", path);

    /// <summary>Runs the model and copies its outputs.</summary>
    /// <param name="inputs">A value for every input, by name.</param>
    /// <param name="outputs">The outputs wanted; null for all.</param>
    /// <param name="cancel">Stops the run after the operator that is running.</param>
    /// <exception cref="ModelException">An input is missing, unknown or unfit, an output holds no tensor, or a node fails; the message names it.</exception>
    public IReadOnlyDictionary<string, Tensor> Run(
        IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string>? outputs = null, CancellationToken cancel = default)
    {
        outputs ??= _session.OutputNames;
        Dictionary<string, Tensor> results = new(outputs.Count);
        Run(inputs, outputs, (name, value) => results[name] = Copy(name, value), cancel);
        return results;
    }

    /// <summary>Runs the model and shows its float outputs to a visitor, without a copy, in the order asked for.</summary>
    /// <returns>The outputs that were not shown, because they hold something other than 32-bit floats.</returns>
    /// <inheritdoc cref="Run(IReadOnlyDictionary{string, Tensor}, IReadOnlyList{string}?, CancellationToken)"/>
    public IReadOnlyList<string> Run(
        IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string> outputs, OutputVisitor visit, CancellationToken cancel = default)
    {
        List<string> skipped = [];
        Run(
            inputs,
            outputs,
            (name, value) =>
            {
                if (value.IsTensor && value.GetTensorTypeAndShape() is { ElementDataType: TensorElementType.Float } info)
                {
                    visit(name, info.Shape, value.GetTensorDataAsSpan<float>());
                }
                else
                {
                    skipped.Add(name);
                }
            },
            cancel);
        return skipped;
    }

    /// <summary>Runs the model and drops its outputs: for timing.</summary>
    /// <inheritdoc cref="Run(IReadOnlyDictionary{string, Tensor}, IReadOnlyList{string}?, CancellationToken)"/>
    public void RunOnly(IReadOnlyDictionary<string, Tensor> inputs, CancellationToken cancel = default) =>
        Run(inputs, _session.OutputNames, static (_, _) => { }, cancel);

    /// <summary>Binds inputs, and room for all outputs, so that runs cost as little as they can: for timing.</summary>
    /// <remarks>Outputs must have the lengths of this first run in every run.</remarks>
    /// <param name="inputs">A value for every input, by name.</param>
    /// <param name="cancel">Stops the run that is going on; none can be started afterwards.</param>
    /// <exception cref="ModelException">An input is missing, unknown or unfit, or a node fails; the message names it.</exception>
    public BoundRun Bind(IReadOnlyDictionary<string, Tensor> inputs, CancellationToken cancel = default) =>
        new(_session, _name, inputs, Run(inputs, [.. Outputs.Where(o => o.Type.Bits() > 0).Select(o => o.Name)], cancel), cancel);

    IBoundRun IModelRunner.Bind(IReadOnlyDictionary<string, Tensor> inputs, CancellationToken cancel) => Bind(inputs, cancel);

    /// <summary>Ends profiling.</summary>
    /// <returns>The profile, a JSON file.</returns>
    public string EndProfile() => _session.EndProfiling();

    /// <inheritdoc/>
    public void Dispose()
    {
        _session.Dispose();
        if (_folder is not null && Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    private void Run(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string> outputs, Action<string, OrtValue> take, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        Check(inputs, outputs);
        if (outputs.Count == 0)
        {
            return; // ONNX Runtime refuses to run for nothing
        }

        List<MemoryHandle> pins = new(inputs.Count);
        List<OrtValue> values = new(inputs.Count);
        try
        {
            foreach (string name in _session.InputNames)
            {
                values.Add(Pinned(name, inputs[name], pins));
            }

            // both are held until the run has ended; the registration goes first, so that nothing touches freed options
            using var options = new RunOptions();
            using CancellationTokenRegistration stop = cancel.UnsafeRegister(static o => ((RunOptions)o!).Terminate = true, options);
            using IDisposableReadOnlyCollection<OrtValue> results = _session.Run(options, _session.InputNames, values, outputs);
            for (int i = 0; i < outputs.Count; i++)
            {
                take(outputs[i], results[i]);
            }
        }
        catch (OnnxRuntimeException error)
        {
            cancel.ThrowIfCancellationRequested();
            throw new ModelException($"ONNX Runtime failed while running '{_name}': {Reason(error)}", error);
        }
        finally
        {
            values.ForEach(v => v.Dispose());
            pins.ForEach(p => p.Dispose());
            GC.KeepAlive(inputs); // a mapped tensor is pinned by nothing but its own life
        }
    }

    private void Check(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string> outputs)
    {
        foreach (ValueInfo input in Inputs)
        {
            if (!inputs.TryGetValue(input.Name, out Tensor? value))
            {
                throw new ModelException($"'{_name}' needs a value for its input '{input.Name}'; given were: {string.Join(", ", inputs.Keys.Order())}.");
            }

            if (value.Type != input.Type)
            {
                throw new ModelException($"Input '{input.Name}' of '{_name}' takes {input.Type.OnnxName()}, but was given {value.Type.OnnxName()}.");
            }
        }

        if (inputs.Count > Inputs.Count)
        {
            string unknown = inputs.Keys.Order().First(k => !_session.InputMetadata.ContainsKey(k));
            throw new ModelException($"'{_name}' has no input '{unknown}'; it has: {string.Join(", ", _session.InputNames)}.");
        }

        if (outputs.FirstOrDefault(o => !_session.OutputMetadata.ContainsKey(o)) is { } missing)
        {
            throw new ModelException($"'{_name}' has no output '{missing}'; expose it first, or take one of: {string.Join(", ", _session.OutputNames.Take(8))}.");
        }
    }

    internal static unsafe OrtValue Pinned(string name, Tensor tensor, List<MemoryHandle> pins)
    {
        if (tensor.Type.Bits() == 0)
        {
            throw new ModelException($"Input '{name}' holds {tensor.Type.OnnxName()} elements, which cannot be fed.");
        }

        MemoryHandle pin = tensor.ByteLength == 0 ? s_empty.AsMemory().Pin() : tensor.Pin();
        pins.Add(pin);
        return OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance, (TensorElementType)tensor.Type, [.. tensor.Dims], (nint)pin.Pointer, tensor.ByteLength);
    }

    internal static Tensor Copy(string name, OrtValue value)
    {
        if (!value.IsTensor)
        {
            throw new ModelException($"Output '{name}' is a {value.OnnxType}, not a tensor; leave it out.");
        }

        OrtTensorTypeAndShapeInfo info = value.GetTensorTypeAndShape();
        var type = (ElementType)info.ElementDataType;
        if (type.Bits() == 0)
        {
            throw new ModelException($"Output '{name}' holds {type.OnnxName()} elements, which are not numbers; leave it out.");
        }

        return new Tensor(type, info.Shape, info.ElementCount == 0 ? [] : value.GetTensorMutableRawData().ToArray());
    }

    private static ValueInfo Info(string name, NodeMetadata data) =>
        data.IsTensor
            ? new ValueInfo(name, (ElementType)data.ElementDataType, [.. data.Dimensions.Select(d => d < 0 ? (long?)null : d)])
            : new ValueInfo(name, ElementType.Undefined, null);

    private static InferenceSession Open(string name, OrtOptions? options, Func<SessionOptions, InferenceSession> open)
    {
        Environment();
        using SessionOptions native = Native(options ?? OrtOptions.Default);
        try
        {
            return open(native);
        }
        catch (OnnxRuntimeException error)
        {
            throw new ModelException($"ONNX Runtime cannot load '{name}': {Reason(error)}", error);
        }
    }

    private static SessionOptions Native(OrtOptions options)
    {
        var native = new SessionOptions
        {
            IntraOpNumThreads = options.Threads,
            InterOpNumThreads = 1,
            GraphOptimizationLevel = !options.Optimize ? GraphOptimizationLevel.ORT_DISABLE_ALL
                : options.ChangeLayout ? GraphOptimizationLevel.ORT_ENABLE_ALL : GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, // errors come as exceptions
        };
        native.AddSessionConfigEntry("session.x64quantprecision", options.ExactProducts ? "1" : "0");
        native.AddSessionConfigEntry("session.use_deterministic_compute", options.Deterministic ? "1" : "0");
        if (options.SaveOptimizedTo is { } path)
        {
            native.OptimizedModelFilePath = path;
            if (options.SaveExternalData)
            {
                native.AddSessionConfigEntry("session.optimized_model_external_initializers_file_name", Path.GetFileName(path) + ".data");
                native.AddSessionConfigEntry("session.optimized_model_external_initializers_min_size_in_bytes", "1024");
            }
        }

        if (options.ProfileFolder is { } folder)
        {
            native.ProfileOutputPathPrefix = Path.Combine(folder, "profile");
            native.EnableProfiling = true;
        }

        return native;
    }

    private static OrtEnv Environment()
    {
        OrtEnv environment = OrtEnv.Instance();
        environment.EnvLogLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL;
        return environment;
    }

    /// <summary>ONNX Runtime's message without its error code, source file and line breaks.</summary>
    internal static string Reason(OnnxRuntimeException error)
    {
        string text = error.Message.ReplaceLineEndings(" ").Trim();
        if (text.StartsWith("[ErrorCode:", StringComparison.Ordinal))
        {
            text = text[(text.IndexOf(']', StringComparison.Ordinal) + 1)..].TrimStart();
        }

        return text;
    }
}
