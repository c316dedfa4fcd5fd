using Halftone.Engine.Compilation;
using Halftone.Engine.Execution;
using Halftone.Onnx;

namespace Halftone.Engine.Steps;

/// <summary>A value that another runtime reads or makes.</summary>
internal readonly record struct ForeignValue(string Name, TensorType Type, Place Place);

/// <summary>A node run by another runtime: its values are copied there and back, which, unlike all other steps, allocates.</summary>
internal sealed unsafe class ForeignStep(IModelRunner runner, ForeignValue[] inputs, ForeignValue[] outputs) : Step
{
    public override void Run(RunContext context, int part, int parts)
    {
        Dictionary<string, Tensor> given = new(inputs.Length);
        foreach (ForeignValue input in inputs)
        {
            byte[] bytes = new ReadOnlySpan<byte>(input.Place.At(context), (int)input.Type.Bytes).ToArray();
            given[input.Name] = new Tensor(input.Type.Element, [.. input.Type.Dims.Select(d => (long)d)], bytes);
        }

        IReadOnlyDictionary<string, Tensor> made = runner.Run(given, [.. outputs.Select(o => o.Name)]);
        foreach (ForeignValue output in outputs)
        {
            Tensor value = made[output.Name];
            if (ForeignNode.TypeOf(value) is var type && (type.Element != output.Type.Element || !type.Dims.AsSpan().SequenceEqual(output.Type.Dims.AsSpan())))
            {
                throw new ModelException($"'{output.Name}' was {output.Type} when the model was compiled and is {type} now; the engine needs lengths that do not depend on values.");
            }

            value.Bytes.CopyTo(new Span<byte>(output.Place.At(context), (int)output.Type.Bytes));
        }
    }
}
