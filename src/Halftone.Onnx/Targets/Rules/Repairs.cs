using System.Collections.Immutable;
using Halftone.Onnx.Export;
using Halftone.Onnx.Operators;

namespace Halftone.Onnx.Targets.Rules;

/// <summary>Repairs that need no calibration and change nothing that the model computes.</summary>
internal static class Repairs
{
    public static ImmutableArray<Repair> Apply(Model model, Target target)
    {
        List<Repair> done = [];
        QdqView view = new(model);
        SetAxes(view, done);
        DequantizeBiases(view, target, done);
        DropDoubles(view, done);
        ShiftCodes(view, target, done);
        FlattenToReshape(view, target, done);
        SplitShared(view, done);
        RaiseFormat(view, done);
        return [.. done];
    }

    /// <summary>Whether codes can be shifted by 128: 8 bits, made by this quantizer and read by DequantizeLinears of constant parameters alone.</summary>
    public static bool CanShift(QdqView view, Node quantizer) =>
        QdqView.IsQuantizer(quantizer) && !view.Graph.IsOutput(quantizer.Outputs[0]) && quantizer.Int("output_dtype", 0) == 0
        && view.Parameters(quantizer) is not null
        && view.Graph.Consumers(quantizer.Outputs[0]).All(d => QdqView.IsDequantizer(d) && view.Parameters(d) is not null);

    /// <summary>Whether a DequantizeLinear reads constants alone.</summary>
    public static bool CanDequantize(QdqView view, Node dequantizer) => view.Graph.Constant(dequantizer.Input(0)) is not null && view.Parameters(dequantizer) is not null;

    private static void SetAxes(QdqView view, List<Repair> done)
    {
        foreach ((Node dequantizer, Node consumer, int? right) in AxisRules.Misfits(view).ToArray())
        {
            if (right is { } axis)
            {
                dequantizer.With("axis", axis);
                done.Add(new("HT1201", dequantizer.Name, $"The scales of the weight of '{consumer.Name}' now go along axis {axis}."));
            }
        }
    }

    private static void DequantizeBiases(QdqView view, Target target, List<Repair> done)
    {
        Graph graph = view.Graph;
        foreach ((Node dequantizer, Node consumer) in view.Biases.ToArray())
        {
            if (target.Bias is BiasForm.Float && CanDequantize(view, dequantizer))
            {
                Tensor? zero = graph.Constant(dequantizer.Input(2));
                Tensor floats = DequantizeLinear.Run(graph.Constant(dequantizer.Input(0))!, graph.Constant(dequantizer.Input(1))!, zero, LinearOptions.Of(dequantizer));
                graph.SetInput(consumer, 2, graph.AddConstant($"{dequantizer.Outputs[0]}_float", floats));
                RemoveUnread(graph, dequantizer);
                done.Add(new("HT1101", consumer.Name, "Its bias is now in floats."));
            }
        }
    }

    // round((q - z) s / s) is q - z: the quotient is within one part in 2^23 of that integer
    private static void DropDoubles(QdqView view, List<Repair> done)
    {
        Graph graph = view.Graph;
        foreach ((Node first, Node second, bool same) in StructureRules.DoublePairs(view).ToArray())
        {
            if (same && !graph.IsOutput(second.Outputs[0]))
            {
                graph.ReplaceUses(second.Outputs[0], first.Input(0));
                graph.Remove(second);
                RemoveUnread(graph, first);
                done.Add(new("HT1309", second.Name, $"Removed: it undid '{first.Name}'."));
            }
        }
    }

    private static void ShiftCodes(QdqView view, Target target, List<Repair> done)
    {
        Graph graph = view.Graph;
        int before = done.Count;
        foreach (Node quantizer in view.ActivationSites.ToArray())
        {
            if (view.Parameters(quantizer) is { } p && TypeRules.WrongSign(p, target) && CanShift(view, quantizer))
            {
                foreach (Node node in graph.Consumers(quantizer.Outputs[0]).Append(quantizer).ToArray())
                {
                    SetZero(view, node);
                }

                done.Add(new("HT1002", quantizer.Name, $"Its codes are now {(target.ActivationCodes.Signed ? "int8, 128 less" : "uint8, 128 more")}."));
            }
        }

        foreach (Node dequantizer in TypeRules.WrongConstants(view, target).ToArray())
        {
            graph.SetInput(dequantizer, 0, graph.AddConstant($"{dequantizer.Input(0)}_shifted", Shift(graph.Constant(dequantizer.Input(0))!)));
            SetZero(view, dequantizer);
            done.Add(new("HT1002", dequantizer.Name, $"Its constant codes are now {(target.ActivationCodes.Signed ? "int8, 128 less" : "uint8, 128 more")}."));
        }

        if (done.Count > before)
        {
            graph.ForgetDeclaredTypes(); // they say the other type
        }
    }

    private static void SetZero(QdqView view, Node node)
    {
        Tensor zero = view.Graph.Constant(node.Input(2)) ?? new Tensor(view.Parameters(node)!.Type, view.Graph.Constant(node.Input(1))!.Dims.AsSpan(), new byte[view.Graph.Constant(node.Input(1))!.Count]);
        string like = node.Input(2).Length > 0 ? node.Input(2) : $"{node.Outputs[0]}_zero_point";
        view.Graph.SetInput(node, 2, view.Graph.AddConstant(like, Shift(zero)));
    }

    // adding 128 in 8 bits flips the top bit, whichever way
    private static Tensor Shift(Tensor codes) => new(
        codes.Type is ElementType.UInt8 ? ElementType.Int8 : ElementType.UInt8, codes.Dims.AsSpan(), Array.ConvertAll(codes.Bytes.ToArray(), b => (byte)(b ^ 0x80)));

    private static void FlattenToReshape(QdqView view, Target target, List<Repair> done)
    {
        Graph graph = view.Graph;
        string[] broken = [.. OperatorRules.All.Single(r => r.Id == "HT1412").Find(view, target).Where(f => f.Fixable).Select(f => f.Node)];
        foreach (Node node in graph.Nodes.Where(n => broken.Contains(n.Name)).ToArray())
        {
            // 0 keeps the first length, -1 takes the rest
            long[] shape = node.Int("axis", 1) == 1 ? [0, -1] : [1, -1];
            string constant = graph.AddConstant($"{node.Outputs[0]}_shape", Tensor.Of(shape, 2));
            graph.InsertBefore(node, new Node(graph.FreshName($"{node.Name}_reshape"), "Reshape", [node.Input(0), constant], node.Outputs.ToArray()));
            graph.Remove(node);
            done.Add(new("HT1412", node.Name, "It is a Reshape now."));
        }
    }

    private static void SplitShared(QdqView view, List<Repair> done)
    {
        Graph graph = view.Graph;
        foreach (Node shared in StructureRules.SharedDequantizers(view).ToArray())
        {
            if (DedicatedPairs.Split(graph, shared) is > 0 and int added)
            {
                done.Add(new("HT1301", shared.Name, $"Each of its readers has its own now: {added} more."));
            }
        }
    }

    private static void RaiseFormat(QdqView view, List<Repair> done)
    {
        int needed = Model.OldestFormat(view.Model.Opset);
        if (view.Model.Opset >= 10 && view.Model.IrVersion < needed)
        {
            view.Model.IrVersion = needed;
            done.Add(new("HT1405", "", $"The file's format version is {needed} now."));
        }
    }

    private static void RemoveUnread(Graph graph, Node node)
    {
        if (graph.Consumers(node.Outputs[0]).Count == 0 && !graph.IsOutput(node.Outputs[0]))
        {
            graph.Remove(node);
        }
    }
}
