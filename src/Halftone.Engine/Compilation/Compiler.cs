using System.Collections.Immutable;
using Halftone.Engine.Execution;
using Halftone.Engine.Memory;
using Halftone.Engine.Steps;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>Turns a model into a plan for inputs of known lengths: types, units, the forms and borders their readers need, steps, memory.</summary>
internal static class Compiler
{
    /// <summary>Compiles.</summary>
    /// <exception cref="ModelException">A node is unknown to the engine or does not fit its inputs; the message names it.</exception>
    public static CompiledPlan Compile(Model model, IReadOnlyDictionary<string, ImmutableArray<int>> inputs, EngineOptions options)
    {
        TypedGraph typed = TypedGraph.Infer(model, inputs, options);
        List<Unit> units = Matcher.Match(typed);
        var plan = new PlanBuilder(typed, options);
        foreach (IModelRunner runner in typed.Runners)
        {
            plan.Own(runner);
        }

        try
        {
            List<Unit> needed = Needed(units, typed);
            if (options.Accumulation == Accumulation.Int32)
            {
                needed = Residuals.Fuse(needed, typed.Graph.Outputs.Select(o => o.Name));
            }

            Demand(needed, plan);
            return Build(needed, typed, plan);
        }
        catch
        {
            foreach (IDisposable kernel in plan.Owned)
            {
                kernel.Dispose();
            }

            throw;
        }
    }

    /// <summary>The units that outputs need.</summary>
    private static List<Unit> Needed(List<Unit> units, TypedGraph typed)
    {
        HashSet<string> read = [.. typed.Graph.Outputs.Select(o => o.Name)];
        List<Unit> needed = [];
        foreach (Unit unit in Enumerable.Reverse(units))
        {
            if (unit.Makes.Any(m => read.Contains(m.Name)))
            {
                needed.Add(unit);
                read.UnionWith(unit.Needs.Select(n => n.Value.Name));
            }
        }

        needed.Reverse();
        return needed;
    }

    /// <summary>Tells the plan the forms and borders that units want.</summary>
    private static void Demand(List<Unit> units, PlanBuilder plan)
    {
        Dictionary<string, (Border Border, byte Padding)> borders = [];
        foreach (Unit unit in Enumerable.Reverse(units))
        {
            foreach (Need need in unit.Needs)
            {
                // what only gives bytes another name is read as its result is
                plan.SetNeeded(need.Value, need.Bare || (unit is TurnUnit turn && !plan.IsReadPast(turn.Output)));
                if (need.Border != default)
                {
                    (Border border, _) = borders.GetValueOrDefault(need.Value.Name);
                    borders[need.Value.Name] = (border.With(need.Border), need.Padding);
                }
            }
        }

        foreach ((string name, (Border border, byte padding)) in borders)
        {
            plan.SetBorder(name, border, padding);
        }
    }

    private static CompiledPlan Build(List<Unit> units, TypedGraph typed, PlanBuilder plan)
    {
        int caller = 0;
        List<PlanValue> inputs = [];
        foreach (ValueInfo input in typed.Graph.Inputs)
        {
            TensorType type = typed.Type(input.Name);
            Place place = plan.Caller(caller++, type.Bytes);
            plan.Hold(input.Name, Form.Dense, place);
            inputs.Add(new(input.Name, type, place.Slot));
        }

        foreach (Unit unit in units)
        {
            TypedGraph.Checked(unit.Node, () =>
            {
                unit.Emit(plan);
                return unit;
            });
        }

        Place[] results = [.. typed.Graph.Outputs.Select(o => plan.Get(o.Name, Form.Dense))];
        List<PlanValue> outputs = [];
        foreach ((ValueInfo output, Place from) in typed.Graph.Outputs.Zip(results))
        {
            TensorType type = typed.Type(output.Name);
            int slot = Place.Callers + caller++;
            outputs.Add(new(output.Name, type, slot));
            if (from.Slot == Place.Arena && from.First == from.Last && from.Bytes == type.Bytes)
            {
                from.Slot = slot; // nobody but its maker touches it, so it is made where the caller wants it
                continue;
            }

            Place to = plan.Caller(slot - Place.Callers, type.Bytes);
            plan.Add(new CopyStep(from, to, type.Bytes) { Name = $"output {output.Name}" }, [from], [to]);
        }

        long arena = MemoryPlan.Assign(plan.Places);
        if (arena > plan.Options.MaxMemory)
        {
            throw new ModelException($"The values of a run take {arena} bytes, more than the {plan.Options.MaxMemory} allowed.");
        }

        return new CompiledPlan([.. plan.Steps], arena, NativeBuffer.Of(plan.ConstantBytes), [.. plan.Owned], [.. inputs], [.. outputs]) { NarrowProducts = [.. plan.Narrow], Writes = [.. plan.Writes] };
    }
}
