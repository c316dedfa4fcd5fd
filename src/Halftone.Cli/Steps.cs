using Spectre.Console;

namespace Halftone.Cli;

/// <summary>Shows long work: a bar while samples are counted, a line for every other step. Where nobody looks, lines alone.</summary>
internal static class Steps
{
    /// <summary>Runs the work and shows its steps on stderr.</summary>
    public static T Run<T>(Terminal terminal, Func<Action<string>, IProgress<(int Done, int Total)>?, T> work)
    {
        if (!terminal.Log.Profile.Capabilities.Interactive || terminal.Verbosity < Verbosity.Normal)
        {
            return work(terminal.Remark, null);
        }

        return terminal.Log.Progress().AutoClear(true).Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn()).Start(context =>
        {
            ProgressTask? task = null;
            return work(
                step =>
                {
                    Finish(task);
                    task = context.AddTask(Markup.Escape(step)).IsIndeterminate();
                },
                new Immediate(p =>
                {
                    if (task is not null)
                    {
                        task.IsIndeterminate(false);
                        task.MaxValue = p.Total;
                        task.Value = p.Done;
                    }
                }));
        });
    }

    private static void Finish(ProgressTask? task)
    {
        if (task is not null)
        {
            task.IsIndeterminate(false);
            task.Value = task.MaxValue;
            task.StopTask();
        }
    }

    // System.Progress posts to the pool, where reports overtake each other
    private sealed class Immediate(Action<(int Done, int Total)> report) : IProgress<(int Done, int Total)>
    {
        public void Report((int Done, int Total) value) => report(value);
    }
}
