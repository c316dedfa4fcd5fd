using System.CommandLine;
using System.Text.Json;
using Halftone.Engine;
using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.Cli;

/// <summary>What runs a model: Halftone's engine or ONNX Runtime, and the options that choose.</summary>
internal static class Runners
{
    /// <summary>Halftone's engine.</summary>
    public const string Halftone = "halftone";

    /// <summary>ONNX Runtime.</summary>
    public const string Ort = "ort";

    /// <summary>Kernels of the engine.</summary>
    public static readonly Option<string?> Tier = new("--tier")
    {
        Description = "Kernels of Halftone's engine: avx512vnni, avxvnni, avx2, advsimd or reference; by default the best that this machine runs.",
        HelpName = "name",
    };

    /// <summary>Arithmetic of the engine.</summary>
    public static readonly Option<Requantization> Requantized =
        Form<Requantization>("requantization", "How the engine's sums become codes: float (as ONNX Runtime), double-rounding, single-rounding or q31.");

    /// <summary>How the engine sums.</summary>
    public static readonly Option<Accumulation> Accumulated = Form<Accumulation>(
        "accumulation", "How the engine sums products: int32 (exactly), int16-with-outliers (FBGEMM's acc16) or pair-saturating (as AVX2 does in ONNX Runtime).");

    /// <summary>The option that chooses; it belongs to one command, since commands differ in what they offer.</summary>
    /// <param name="description">What it does there.</param>
    /// <param name="names">What may be given, the default first.</param>
    public static Option<string> Engine(string description, params string[] names) => new("--engine")
    {
        Description = description,
        HelpName = string.Join('|', names),
        DefaultValueFactory = _ => names[0],
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!names.Contains(text))
            {
                result.AddError($"There is no engine '{text}'. There are: {string.Join(", ", names)}.");
            }

            return text;
        },
    };

    /// <summary>What the command line asks of the engine.</summary>
    /// <exception cref="UsageException">It is asked of ONNX Runtime, there is no tier of that name, or this machine cannot run it.</exception>
    public static EngineOptions ReadEngine(ParseResult options, string engine)
    {
        if (engine == Ort && (options.GetResult(Tier) ?? options.GetResult(Requantized) ?? options.GetResult(Accumulated)) is { Implicit: false } asked)
        {
            throw new UsageException($"{asked.Option.Name} is for Halftone's engine; with --engine {Ort} leave it out.");
        }

        var read = new EngineOptions
        {
            Threads = options.GetValue(CommonOptions.Threads),
            Tier = options.GetValue(Tier),
            Requantization = options.GetValue(Requantized),
            Accumulation = options.GetValue(Accumulated),
        };
        try
        {
            _ = engine == Ort ? null : EngineTiers.Chosen(read);
        }
        catch (ArgumentException error)
        {
            throw new UsageException(error.Message);
        }

        return read;
    }

    /// <summary>Makes a model ready.</summary>
    /// <exception cref="ModelException">It cannot be; where another engine may run it, the message says so.</exception>
    public static IModelRunner Load(Model model, string engine, EngineOptions options) =>
        engine == Ort ? OrtSession.Load(model, new OrtOptions { Threads = options.Threads }) : new EngineRunner(model, options);

    /// <summary>An engine as people read it.</summary>
    public static string Title(string engine) => engine == Ort ? "ONNX Runtime" : "Halftone's engine";

    private static Option<TForm> Form<TForm>(string name, string description)
        where TForm : struct, Enum => new($"--{name}")
        {
            Description = description,
            HelpName = "form",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                foreach (TForm form in Enum.GetValues<TForm>())
                {
                    if (text == Name(form))
                    {
                        return form;
                    }
                }

                result.AddError($"There is no {name} '{text}'. There are: {string.Join(", ", Enum.GetValues<TForm>().Select(Name))}.");
                return default;
            },
        };

    private static string Name<TForm>(TForm form)
        where TForm : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(form.ToString());

    /// <summary>The engine, whose refusals say what runs the model instead.</summary>
    private sealed class EngineRunner : IModelRunner
    {
        private readonly EngineSession _session;

        public EngineRunner(Model model, EngineOptions options) => _session = Explained(() => EngineSession.Load(model, options));

        public IReadOnlyDictionary<string, Tensor> Run(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string>? outputs, CancellationToken cancel) =>
            Explained(() => _session.Run(inputs, outputs, cancel));

        public IBoundRun Bind(IReadOnlyDictionary<string, Tensor> inputs, CancellationToken cancel) => Explained(() => _session.Bind(inputs, cancel));

        public void Dispose() => _session.Dispose();

        private static T Explained<T>(Func<T> work)
        {
            try
            {
                return work();
            }
            catch (ModelException error)
            {
                throw new ModelException($"{error.Message} With --engine {Ort}, ONNX Runtime runs the model.", error);
            }
        }
    }
}
