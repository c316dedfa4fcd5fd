using Halftone.Onnx;

namespace Halftone.OnnxRuntime.Tests;

/// <summary>Timing of what merely runs models, whichever runtime it is.</summary>
public sealed class RunnerLatencyTests
{
    private static readonly Dictionary<string, Tensor> s_none = [];

    [Fact]
    public void Any_two_are_told_apart_and_all_that_was_loaded_is_let_go()
    {
        List<string> log = [];
        LatencyComparison result = Latency.Compare(
            () => new Sleeper("slow", TimeSpan.FromMilliseconds(4), log), () => new Sleeper("fast", TimeSpan.FromMilliseconds(1), log), s_none,
            new LatencyOptions { Budget = TimeSpan.FromSeconds(0.6), Pause = TimeSpan.Zero, WarmUp = 1, Threads = 3 });

        Assert.True(result.SurelyFaster, result.ToString());
        Assert.True(result.FloatMilliseconds >= 4 && result.QuantizedMilliseconds >= 1);
        Assert.Equal(3, result.Threads);
        AssertLetGo(log, 2 * result.Pairs);

        // the one that is loaded first changes from pair to pair
        string[] loads = [.. log.Where(l => l.StartsWith("load", StringComparison.Ordinal))];
        Assert.Equal(["load slow", "load fast"], loads[..2]);
        Assert.True(result.Pairs == 1 || loads[2..4] is ["load fast", "load slow"]);
    }

    [Fact]
    public void One_alone_has_its_own_time()
    {
        List<string> log = [];
        LatencyAlone result = LatencyAlone.Of(
            () => new Sleeper("one", TimeSpan.FromMilliseconds(2), log), s_none, new LatencyOptions { Budget = TimeSpan.FromSeconds(0.3), Pause = TimeSpan.Zero, WarmUp = 1 });

        Assert.True(result.Milliseconds >= 2 && result.Low >= 2, result.ToString());
        Assert.True(result.Low <= result.Milliseconds && result.Milliseconds <= result.High, result.ToString());
        Assert.True(result.Sessions >= 5 ? result.Rounds >= 2 * result.Sessions : result is { Sessions: 1, Rounds: >= 5 }, result.ToString());
        AssertLetGo(log, result.Sessions);
    }

    [Fact]
    public void What_fails_while_it_is_loaded_leaves_nothing_behind()
    {
        List<string> log = [];
        Assert.Throws<ModelException>(() => Latency.Compare(() => new Sleeper("one", TimeSpan.Zero, log), () => throw new ModelException("no"), s_none));
        Assert.Throws<ModelException>(() => Latency.Compare(() => new Sleeper("other", TimeSpan.Zero, log), () => new Sleeper("broken", TimeSpan.Zero, log, breaks: true), s_none));
        Assert.Throws<ModelException>(() => LatencyAlone.Of(() => new Sleeper("alone", TimeSpan.Zero, log, breaks: true), s_none));
        AssertLetGo(log, 4, bound: 2);
    }

    [Fact]
    public void A_bound_run_ends_when_cancelled()
    {
        using var stop = new CancellationTokenSource();
        using OrtSession session = OrtSession.Load(Samples.Linear());
        using BoundRun run = session.Bind(new Dictionary<string, Tensor> { ["x"] = Tensor.Of([1f, 2, 3, -1, 0, 1], 2, 3) }, stop.Token);
        run.Run();
        stop.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(run.Run);
    }

    // runs first, each once, then what they belong to
    private static void AssertLetGo(List<string> log, int sessions, int? bound = null)
    {
        Assert.Equal(sessions, log.Count(l => l.StartsWith("load", StringComparison.Ordinal)));
        Assert.Equal(sessions, log.Count(l => l.StartsWith("let go of session", StringComparison.Ordinal)));
        Assert.Equal(bound ?? sessions, log.Count(l => l.StartsWith("let go of run", StringComparison.Ordinal)));
    }

    private sealed class Sleeper : IModelRunner
    {
        private readonly string _name;
        private readonly TimeSpan _time;
        private readonly List<string> _log;
        private readonly bool _breaks;
        private bool _gone;

        public Sleeper(string name, TimeSpan time, List<string> log, bool breaks = false)
        {
            (_name, _time, _log, _breaks) = (name, time, log, breaks);
            log.Add($"load {name}");
        }

        public IReadOnlyDictionary<string, Tensor> Run(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string>? outputs, CancellationToken cancel) => throw new InvalidOperationException();

        public IBoundRun Bind(IReadOnlyDictionary<string, Tensor> inputs, CancellationToken cancel) => _breaks ? throw new ModelException("broken") : new Bound(this);

        public void Dispose()
        {
            Assert.False(_gone);
            _gone = true;
            _log.Add($"let go of session {_name}");
        }

        private sealed class Bound(Sleeper session) : IBoundRun
        {
            public void Run()
            {
                Assert.False(session._gone);
                Thread.Sleep(session._time);
            }

            public void Dispose()
            {
                Assert.False(session._gone); // before its session
                session._log.Add($"let go of run {session._name}");
            }
        }
    }
}
