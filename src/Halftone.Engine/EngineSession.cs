using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Halftone.Engine.Compilation;
using Halftone.Engine.Dense;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels.Products;
using Halftone.Onnx;

namespace Halftone.Engine;

/// <summary>A model made ready to run in this process, in integers where it is quantized, with nothing native beside it.</summary>
/// <remarks>
/// <para>Runs may go on in several threads at once; each has its own memory, kept for the next. One of them at a time has the session's threads, the others run alone; results are the same.
/// Dispose it after the last run has ended.</para>
/// <para>A model is compiled for the lengths of its inputs. Where they are fixed that happens while loading, else at the first run with new lengths.</para>
/// </remarks>
public sealed class EngineSession : IModelRunner
{
    private const int MostPlans = 8;
    private const int MostValues = 1000; // each is pinned in a stack frame of its own

    private readonly Model _model;
    private readonly EngineOptions _options;
    private readonly ThreadTeam? _team;
    private readonly Lock _lock = new();
    private readonly List<CompiledPlan> _plans = [];
    private CompiledPlan? _recent;
    private bool _disposed;

    private EngineSession(Model model, EngineOptions options)
    {
        (_model, _options) = (model, options);
        ProductTiers.Choose(options.ChosenTier); // a wrong name is told now, whatever the model holds
        Inputs = model.Graph.Inputs;
        Outputs = model.Graph.Outputs;
        if (Inputs.Count + Outputs.Count > MostValues)
        {
            throw new ModelException($"The model has {Inputs.Count} inputs and {Outputs.Count} outputs; the engine takes {MostValues} in all.");
        }

        if (Inputs.All(i => i.Dims is not null && i.Dims.All(d => d is not null)))
        {
            _recent = Plan(Inputs.ToDictionary(i => i.Name, i => i.Dims!.Select(d => d!.Value).ToArray()));
        }

        _team = options.Threads > 1 ? new ThreadTeam(options.Threads) : null;
    }

    /// <summary>What must be fed.</summary>
    public IReadOnlyList<ValueInfo> Inputs { get; }

    /// <summary>The outputs.</summary>
    public IReadOnlyList<ValueInfo> Outputs { get; }

    /// <summary>The products that may saturate, as <see cref="EngineOptions.Accumulation"/> asks; empty before the first run where lengths are not fixed.</summary>
    public IReadOnlyList<NarrowProduct> NarrowProducts => _recent?.NarrowProducts ?? [];

    internal CompiledPlan? RecentPlan => _recent;

    /// <summary>Loads a model file.</summary>
    /// <exception cref="ModelException">The file is damaged, or holds an operator that the engine does not know; the message names the node.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static EngineSession Load(string path, EngineOptions? options = null) => Load(Model.Load(path), options);

    /// <summary>Makes a model ready. The model must not be changed afterwards.</summary>
    /// <exception cref="ModelException">It holds an operator that the engine does not know; the message names the node.</exception>
    /// <exception cref="ArgumentException">The options name kernels that this machine cannot run.</exception>
    public static EngineSession Load(Model model, EngineOptions? options = null) => new(model, options ?? EngineOptions.Default);

    /// <summary>Runs the model on one input and copies its one output.</summary>
    /// <param name="input">Elements, row-major, as many as the model's fixed lengths say.</param>
    /// <param name="output">Receives the elements of the output.</param>
    /// <exception cref="ModelException">The model has several inputs or outputs, lengths that are not fixed, or others.</exception>
    public void Run<TIn, TOut>(ReadOnlySpan<TIn> input, Span<TOut> output)
        where TIn : unmanaged
        where TOut : unmanaged
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        CompiledPlan plan = _recent ?? throw new ModelException("The model's input has lengths that are not fixed; run it once with a tensor of the lengths wanted.");
        if (plan.Inputs.Length != 1 || plan.Outputs.Length != 1)
        {
            throw new ModelException($"The model has {plan.Inputs.Length} inputs and {plan.Outputs.Length} outputs, not one of each.");
        }

        Check(plan.Inputs[0], Tensor.TypeOf<TIn>(), input.Length);
        Check(plan.Outputs[0], Tensor.TypeOf<TOut>(), output.Length);
        Apart(plan.Inputs[0], MemoryMarshal.AsBytes(input), plan.Outputs[0], MemoryMarshal.AsBytes(output));
        RunContext context = plan.Rent();
        unsafe
        {
            fixed (TIn* x = input)
            fixed (TOut* y = output)
            {
                context.SetSlot(plan.Inputs[0].Slot, (byte*)x);
                context.SetSlot(plan.Outputs[0].Slot, (byte*)y);
                Run(plan, context);
            }
        }

        plan.Return(context);
    }

    /// <summary>Runs the model on tensors, in place: allocates nothing but what the first run with new lengths needs.</summary>
    /// <param name="inputs">One for each of <see cref="Inputs"/>, in that order.</param>
    /// <param name="outputs">Memory for each of <see cref="Outputs"/>, in that order.</param>
    /// <exception cref="ModelException">An input or output is missing or unfit, or an output lies in the memory of another value; the message names it.</exception>
    public void Run(ReadOnlySpan<EngineInput> inputs, ReadOnlySpan<EngineOutput> outputs)
    {
        if (inputs.Length != Inputs.Count || outputs.Length != Outputs.Count)
        {
            throw new ModelException($"The model takes {Inputs.Count} inputs and gives {Outputs.Count} outputs; given were {inputs.Length} and {outputs.Length}.");
        }

        CompiledPlan plan = Plan(inputs);
        Check(plan, inputs, outputs);
        RunContext context = plan.Rent();
        Pin(plan, context, inputs, outputs, 0);
        plan.Return(context);
    }

    /// <summary>Runs the model and copies its outputs.</summary>
    /// <param name="inputs">A value for every input, by name.</param>
    /// <param name="outputs">The outputs wanted; null for all.</param>
    /// <param name="cancel">Asked before the run, which is not interrupted.</param>
    /// <exception cref="ModelException">An input is missing, unknown or unfit, or there is no such output; the message names it.</exception>
    public IReadOnlyDictionary<string, Tensor> Run(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string>? outputs = null, CancellationToken cancel = default)
    {
        if (outputs?.FirstOrDefault(name => Outputs.All(o => o.Name != name)) is { } missing)
        {
            throw new ModelException($"The model has no output '{missing}'; it has: {string.Join(", ", Outputs.Select(o => o.Name))}.");
        }

        using EngineRun run = Bind(inputs, cancel);
        run.Run();
        return run.Taken(outputs);
    }

    /// <summary>Fixes inputs, and memory for all outputs, so that runs allocate nothing.</summary>
    /// <param name="inputs">A value for every input, by name.</param>
    /// <param name="cancel">Asked before every run.</param>
    /// <exception cref="ModelException">An input is missing, unknown or unfit; the message names it.</exception>
    public EngineRun Bind(IReadOnlyDictionary<string, Tensor> inputs, CancellationToken cancel = default)
    {
        foreach (ValueInfo input in Inputs)
        {
            if (!inputs.ContainsKey(input.Name))
            {
                throw new ModelException($"The model needs a value for its input '{input.Name}'; given were: {string.Join(", ", inputs.Keys.Order())}.");
            }
        }

        if (inputs.Keys.FirstOrDefault(k => Inputs.All(i => i.Name != k)) is { } unknown)
        {
            throw new ModelException($"The model has no input '{unknown}'; it has: {string.Join(", ", Inputs.Select(i => i.Name))}.");
        }

        EngineInput[] given = [.. Inputs.Select(i => new EngineInput(inputs[i.Name]))];
        return new EngineRun(this, given, Plan(given).Outputs, cancel);
    }

    IBoundRun IModelRunner.Bind(IReadOnlyDictionary<string, Tensor> inputs, CancellationToken cancel) => Bind(inputs, cancel);

    /// <summary>Times every step, run after run, in the caller's thread alone.</summary>
    /// <param name="inputs">One for each of <see cref="Inputs"/>, in that order.</param>
    /// <param name="outputs">Memory for each of <see cref="Outputs"/>, in that order.</param>
    /// <param name="runs">Runs, 1 or more; each step's median counts.</param>
    /// <returns>For each step what it does and microseconds.</returns>
    /// <exception cref="ModelException">An input or output is missing or unfit, or an output lies in the memory of another value; the message names it.</exception>
    public IReadOnlyList<(string Step, double Microseconds)> Profile(ReadOnlySpan<EngineInput> inputs, ReadOnlySpan<EngineOutput> outputs, int runs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(runs, 1);
        Run(inputs, outputs);
        CompiledPlan plan = Plan(inputs);
        double[][] times = [.. plan.Steps.Select(_ => new double[runs])];
        for (int run = 0; run < runs; run++)
        {
            RunContext context = plan.Rent();
            Pin(plan, context, inputs, outputs, 0, (step, ticks) => times[step][run] = ticks * 1e6 / Stopwatch.Frequency);
            plan.Return(context);
        }

        return [.. plan.Steps.Select((s, i) => (s.Name, times[i].Order().ElementAt(runs / 2)))];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _team?.Dispose();
        _plans.ForEach(p => p.Dispose());
        _plans.Clear();
        _recent = null;
    }

    private static void Check(PlanValue value, ElementType type, int count)
    {
        if (value.Type.Element != type || value.Type.Count != count)
        {
            throw new ModelException($"'{value.Name}' is {value.Type}, {value.Type.Count} elements; given were {count} of {type.OnnxName()}.");
        }
    }

    private static void Check(CompiledPlan plan, ReadOnlySpan<EngineInput> inputs, ReadOnlySpan<EngineOutput> outputs)
    {
        for (int i = 0; i < inputs.Length + outputs.Length; i++)
        {
            (PlanValue value, int bytes) = i < inputs.Length ? (plan.Inputs[i], inputs[i].Bytes.Length) : (plan.Outputs[i - inputs.Length], outputs[i - inputs.Length].Bytes.Length);
            if (bytes != value.Type.Bytes)
            {
                throw new ModelException($"'{value.Name}' is {value.Type}, {value.Type.Bytes} bytes; given were {bytes}.");
            }
        }

        // outputs are written while inputs are still read
        for (int i = 0; i < outputs.Length; i++)
        {
            for (int j = 0; j < inputs.Length + i; j++)
            {
                PlanValue value = j < inputs.Length ? plan.Inputs[j] : plan.Outputs[j - inputs.Length];
                ReadOnlySpan<byte> other = j < inputs.Length ? inputs[j].Bytes : outputs[j - inputs.Length].Bytes;
                Apart(value, other, plan.Outputs[i], outputs[i].Bytes);
            }
        }
    }

    private static void Apart(PlanValue value, ReadOnlySpan<byte> memory, PlanValue output, ReadOnlySpan<byte> outputMemory)
    {
        if (memory.Overlaps(outputMemory))
        {
            throw new ModelException($"The memory given for '{output.Name}' overlaps that of '{value.Name}'.");
        }
    }

    /// <summary>Pins one value after another, then runs.</summary>
    private unsafe void Pin(CompiledPlan plan, RunContext context, ReadOnlySpan<EngineInput> inputs, ReadOnlySpan<EngineOutput> outputs, int at, Action<int, long>? watch = null)
    {
        if (at == inputs.Length + outputs.Length)
        {
            if (watch is null)
            {
                Run(plan, context);
            }
            else
            {
                plan.Run(context, watch);
            }

            return;
        }

        ReadOnlySpan<byte> bytes = at < inputs.Length ? inputs[at].Bytes : outputs[at - inputs.Length].Bytes;
        PlanValue value = at < inputs.Length ? plan.Inputs[at] : plan.Outputs[at - inputs.Length];
        fixed (byte* memory = bytes)
        {
            context.SetSlot(value.Slot, memory);
            Pin(plan, context, inputs, outputs, at + 1, watch);
        }
    }

    private void Run(CompiledPlan plan, RunContext context)
    {
        if (_team is null || !_team.TryEnter())
        {
            plan.Run(context, team: null);
            return;
        }

        try
        {
            plan.Run(context, _team);
        }
        finally
        {
            _team.Exit();
        }
    }

    private CompiledPlan Plan(ReadOnlySpan<EngineInput> inputs)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_recent is { } recent && Fits(recent, inputs))
        {
            return recent;
        }

        lock (_lock)
        {
            foreach (CompiledPlan plan in _plans)
            {
                if (Fits(plan, inputs))
                {
                    return _recent = plan;
                }
            }
        }

        Dictionary<string, long[]> lengths = [];
        for (int i = 0; i < inputs.Length; i++)
        {
            ValueInfo declared = Inputs[i];
            if (declared.Type != inputs[i].Type)
            {
                throw new ModelException($"Input '{declared.Name}' takes {declared.Type.OnnxName()}, but was given {inputs[i].Type.OnnxName()}.");
            }

            long[] given = inputs[i].Dims.ToArray();
            if (declared.Dims is { } dims && (dims.Count != given.Length || dims.Zip(given).Any(p => p.First is { } d && d != p.Second)))
            {
                string wanted = string.Join(",", dims.Select(d => d?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "?"));
                throw new ModelException($"Input '{declared.Name}' is [{wanted}], but was given [{string.Join(",", given)}].");
            }

            lengths[declared.Name] = given;
        }

        return _recent = Plan(lengths);
    }

    private CompiledPlan Plan(Dictionary<string, long[]> lengths)
    {
        foreach (ValueInfo input in Inputs)
        {
            if (input.Type.Bits() is not (8 or 16 or 32 or 64) || !Lengths.Fit(input.Type, lengths[input.Name]))
            {
                throw new ModelException($"Input '{input.Name}' cannot be {input.Type.OnnxName()}[{string.Join(",", lengths[input.Name])}] in the engine.");
            }
        }

        CompiledPlan plan = Compiler.Compile(_model, lengths.ToDictionary(p => p.Key, p => p.Value.Select(d => (int)d).ToImmutableArray()), _options);
        lock (_lock)
        {
            if (_plans.Count == MostPlans)
            {
                _plans.RemoveAt(0); // runs that still have it keep it alive; its memory goes with it
            }

            _plans.Add(plan);
        }

        return plan;
    }

    private static bool Fits(CompiledPlan plan, ReadOnlySpan<EngineInput> inputs)
    {
        for (int i = 0; i < inputs.Length; i++)
        {
            ImmutableArray<int> dims = plan.Inputs[i].Type.Dims;
            ReadOnlySpan<long> given = inputs[i].Dims;
            if (dims.Length != given.Length || plan.Inputs[i].Type.Element != inputs[i].Type)
            {
                return false;
            }

            for (int d = 0; d < dims.Length; d++)
            {
                if (dims[d] != given[d])
                {
                    return false;
                }
            }
        }

        return true;
    }
}
