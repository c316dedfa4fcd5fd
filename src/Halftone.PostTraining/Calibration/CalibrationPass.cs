using System.Runtime.ExceptionServices;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.OnnxRuntime;
using Halftone.Statistics;

namespace Halftone.PostTraining.Calibration;

/// <summary>One pass over the batches: several run at once, but their values are taken in in the order of the batches, so that any number of threads gives the same bits.</summary>
internal sealed class CalibrationPass(Model model, Dictionary<string, StatisticsCollector> collectors, CalibrationOptions options, CarriedState state, int total)
{
    private readonly int _threads = state.Any ? 1 : options.Threads;
    private readonly object _gate = new();
    private readonly string[] _inner = [.. collectors.Keys.Where(e => model.Graph.Inputs.All(i => i.Name != e))];
    private int _taken;
    private int _turn;
    private int _samples;
    private ExceptionDispatchInfo? _failure;

    /// <summary>Runs every batch once.</summary>
    /// <returns>Samples and batches that went in.</returns>
    public (int Samples, int Batches) Run(IEnumerable<Batch> batches, CancellationToken cancel)
    {
        // where graph inputs alone are asked for there is nothing to run
        using OrtSession? session = _inner.Length == 0 && !state.Any ? null : OrtSession.Load(TensorTap.Expose(model, _inner), new OrtOptions { Threads = 1 });
        using IEnumerator<Batch> source = batches.GetEnumerator();
        Parallel.For(0, _threads, new ParallelOptions { MaxDegreeOfParallelism = _threads }, _ => Work(session, source, cancel));
        _failure?.Throw();
        return (_samples, _taken);
    }

    private void Work(OrtSession? session, IEnumerator<Batch> source, CancellationToken cancel)
    {
        try
        {
            while (Next(source) is { } item)
            {
                cancel.ThrowIfCancellationRequested();
                Collect(session, item.Batch, item.Order, cancel);
            }
        }
        catch (Exception error)
        {
            lock (_gate)
            {
                _failure ??= ExceptionDispatchInfo.Capture(error);
                Monitor.PulseAll(_gate);
            }
        }
    }

    private (Batch Batch, int Order)? Next(IEnumerator<Batch> source)
    {
        lock (source)
        {
            return _failure is null && source.MoveNext() ? (source.Current, _taken++) : null;
        }
    }

    private void Collect(OrtSession? session, Batch batch, int order, CancellationToken cancel)
    {
        IReadOnlyDictionary<string, Tensor> fed = batch.Inputs;
        if (state.Any)
        {
            fed = state.Inputs(batch);
            foreach ((string name, Tensor value) in state.Run(session!, batch, _inner, cancel).Where(r => collectors.ContainsKey(r.Key)))
            {
                collectors[name].Add(value.As<float>());
            }
        }
        else
        {
            session?.Run(fed, _inner, (name, dims, values) =>
            {
                Await(order);
                collectors[name].Add(values);
            }, cancel);
        }

        Await(order);
        foreach ((string input, StatisticsCollector collector) in collectors)
        {
            if (fed.TryGetValue(input, out Tensor? value))
            {
                collector.Add(value.As<float>());
            }
        }

        lock (_gate)
        {
            _turn++;
            _samples += batch.Samples.Length;
            Monitor.PulseAll(_gate);
        }

        options.Progress?.Report((_samples, total));
    }

    /// <summary>Waits until the batches before have been taken in.</summary>
    private void Await(int order)
    {
        lock (_gate)
        {
            while (_turn != order)
            {
                if (_failure is not null)
                {
                    throw new OperationCanceledException("Another batch failed.");
                }

                Monitor.Wait(_gate);
            }
        }
    }
}
