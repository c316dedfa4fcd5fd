namespace Halftone.Onnx.Export;

/// <summary>Float to float16: the weights alone, or every operator that knows halves.</summary>
/// <remarks>Halves are rounded to nearest even. Constants with a number beyond +-65504 stay float, and with them the operators that read them. Graph inputs and outputs stay float unless asked otherwise; subgraphs of If, Loop and Scan stay as they are.</remarks>
internal static class ToFloat16
{
    /// <summary>The largest finite half.</summary>
    public const double Largest = 65504;

    public static void Apply(Conversion work)
    {
        if (work.Graph.Nodes.FirstOrDefault(n => n.Proto.Attribute.Any(a => a.G is not null || a.Graphs.Count > 0)) is { } control)
        {
            work.Note($"The subgraphs of node '{control.Name}' ({control.Op}), and of any like it, stay float.");
        }

        if (work.Options.Float16 is Float16Mode.Weights)
        {
            Weights(work);
        }
        else
        {
            new HalfPropagation(work).Apply();
        }
    }

    /// <summary>Whether a constant has a finite number that would become infinite.</summary>
    public static bool Overflows(Tensor constant) => constant.ToFloats().Any(v => float.IsFinite(v) && Half.IsInfinity((Half)v));

    /// <summary>A float constant as halves; what is lost is noted.</summary>
    public static Tensor Round(Conversion work, string name, Tensor value)
    {
        float[] floats = value.ToFloats();
        Half[] halves = [.. floats.Select(v => (Half)v)];
        int lost = floats.Zip(halves).Count(p => p.First != 0 && p.Second == Half.Zero);
        if (lost > 0)
        {
            work.Note($"{lost} of {floats.Length} values of '{name}' are too small for a half and became 0.");
        }

        return Tensor.Of(halves, value.Dims.AsSpan());
    }

    private static void Weights(Conversion work)
    {
        Graph graph = work.Graph;
        foreach (string name in graph.Nodes.SelectMany(n => HalfOperators.Weights(graph, n)).Distinct().ToArray())
        {
            work.Cancel.ThrowIfCancellationRequested();
            if (graph.IsOutput(name))
            {
                continue;
            }

            if (Overflows(graph.Constant(name)!))
            {
                work.Note($"The constant '{name}' stays float: it has values beyond 65504.");
                continue;
            }

            // the cast takes the old name, so that nothing that reads it changes
            string half = graph.AddConstant(name + "_fp16", Round(work, name, graph.Constant(name)!));
            graph.RemoveConstant(name);
            graph.Add(new Node(graph.FreshName(name + "_cast"), "Cast", [half], [name]).With("to", (long)ElementType.Float));
        }

        graph.Sort();
    }
}

/// <summary>Carries halves through a graph, with a cast wherever a float and a half operator meet.</summary>
internal sealed class HalfPropagation(Conversion work)
{
    private readonly Graph _graph = work.Graph;
    private readonly Dictionary<string, string> _halves = [];
    private readonly HashSet<string> _floats = [];
    private readonly List<string> _madeHalf = [];

    public void Apply()
    {
        _graph.Sort();
        Inputs();
        foreach (Node node in _graph.Nodes.ToArray())
        {
            work.Cancel.ThrowIfCancellationRequested();
            int[] places = HalfOperators.Places(node) ?? [];
            bool floats = places.Length > 0 && places.All(p => IsFloat(node.Input(p)));
            if (floats && Overflowing(node, places) is { } name)
            {
                work.Note($"Node '{node.Name}' ({node.Op}) stays float: '{name}' exceeds 65504.");
                _floats.UnionWith(node.Outputs);
            }
            else if (floats)
            {
                ToHalf(node, places);
            }
            else
            {
                _floats.UnionWith(node.Outputs.Where(o => _graph.Declared(o)?.Type is ElementType.Float || (node.Is("Cast") && node.Int("to", 0) == (long)ElementType.Float)));
            }
        }

        foreach (string value in _madeHalf)
        {
            Widen(value);
        }

        Types();
    }

    private bool IsFloat(string name) => _floats.Contains(name) || _graph.Constant(name) is { Type: ElementType.Float };

    private void Inputs()
    {
        foreach (string name in _graph.Inputs.Where(i => i.Type is ElementType.Float).Select(i => i.Name))
        {
            _floats.Add(name);
            if (work.Options.HalfInputsAndOutputs)
            {
                // readers that stay float get a cast of it under another name
                string real = _graph.FreshName(name + "_float");
                _graph.ReplaceUses(name, real);
                _floats.Add(real);
                _halves[real] = name;
                _madeHalf.Add(real);
            }
        }
    }

    private string? Overflowing(Node node, int[] places) =>
        places.Select(node.Input).FirstOrDefault(n => _graph.Constant(n) is { } constant && ToFloat16.Overflows(constant))
        ?? (work.Options.AbsoluteMaxima is { } maxima
            ? places.Select(node.Input).Concat(node.Outputs).FirstOrDefault(n => maxima.TryGetValue(n, out double max) && !(max <= ToFloat16.Largest))
            : null);

    private void ToHalf(Node node, int[] places)
    {
        foreach (int place in places)
        {
            _graph.SetInput(node, place, Half(node, node.Input(place)));
        }

        for (int i = 0; i < node.Outputs.Count; i++)
        {
            string output = node.Outputs[i];
            _floats.Add(output);
            bool keeps = work.Options.HalfInputsAndOutputs && _graph.IsOutput(output);
            if (keeps)
            {
                // the output keeps its name and is half; readers inside take the float name from now on
                string real = _graph.FreshName(output + "_float");
                _graph.ReplaceUses(output, real);
                _floats.Add(real);
                _halves[real] = output;
                _halves[output] = output;
                _madeHalf.Add(real);
                continue;
            }

            string half = _graph.FreshName(output + "_fp16");
            _graph.SetOutput(node, i, half);
            _halves[output] = half;
            _madeHalf.Add(output);
        }
    }

    private string Half(Node before, string name)
    {
        if (_halves.TryGetValue(name, out string? half))
        {
            return half;
        }

        if (_graph.Constant(name) is { } constant)
        {
            half = _graph.AddConstant(name + "_fp16", ToFloat16.Round(work, name, constant));
        }
        else
        {
            half = _graph.FreshName(name + "_fp16");
            _graph.InsertBefore(before, Cast(name, half, ElementType.Float16));
        }

        return _halves[name] = half;
    }

    private void Widen(string value)
    {
        if (_graph.IsOutput(value) || _graph.Consumers(value).Count > 0)
        {
            _graph.Add(Cast(_halves[value], value, ElementType.Float));
        }
    }

    private Node Cast(string from, string to, ElementType type) => new Node(_graph.FreshName(to + "_cast"), "Cast", [from], [to]).With("to", (long)type);

    /// <summary>Declares half inputs and outputs; float outputs of float nodes get a cast of their own.</summary>
    private void Types()
    {
        if (!work.Options.HalfInputsAndOutputs)
        {
            return;
        }

        foreach (ValueInfo output in _graph.Outputs.Where(o => o.Type is ElementType.Float).ToArray())
        {
            if (!_halves.ContainsKey(output.Name) && _graph.Producer(output.Name) is { } maker)
            {
                string real = _graph.FreshName(output.Name + "_float");
                _graph.ReplaceUses(output.Name, real);
                _graph.SetOutput(maker, maker.Outputs.ToList().IndexOf(output.Name), real);
                _graph.Add(Cast(real, output.Name, ElementType.Float16));
            }
        }

        GraphTypes.Change(_graph, ElementType.Float, ElementType.Float16);
        _graph.ForgetDeclaredTypes();
        _graph.Sort();
        work.Renew();
    }
}

/// <summary>The declared types of a graph's inputs and outputs.</summary>
internal static class GraphTypes
{
    public static bool Change(Graph graph, ElementType from, ElementType to)
    {
        bool changed = false;
        foreach (Proto.ValueInfoProto value in graph.Proto.Input.Concat(graph.Proto.Output).Where(v => v.Type?.TensorType?.ElemType == (int)from))
        {
            value.Type.TensorType.ElemType = (int)to;
            changed = true;
        }

        return changed;
    }
}
