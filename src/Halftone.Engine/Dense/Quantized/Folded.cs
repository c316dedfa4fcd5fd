using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>Nodes whose inputs are all known before any run: their output is too, and a run copies it. Codes below 8 bits and small floats are computed so.</summary>
internal static unsafe class Folded
{
    /// <summary>Computes from codes or values, scale, and zero point (null where left out).</summary>
    internal delegate Tensor Compute(Tensor x, Tensor scale, Tensor? zeroPoint);

    /// <summary>Whether all inputs are known.</summary>
    public static bool Possible(DenseRequest request) => Enumerable.Range(0, request.InputCount).All(i => !request.Has(i) || request.Constant(i) is not null);

    /// <summary>The plan that copies what is computed now.</summary>
    public static DensePlan Plan(DenseRequest request, Compute compute)
    {
        Tensor value;
        try
        {
            value = compute(request.Known(0), request.Known(1), request.Constant(2));
        }
        catch (ArgumentException error)
        {
            throw request.Refusal(error.Message);
        }

        request.Require(value.Dims.All(d => d < int.MaxValue), $"[{string.Join(",", value.Dims)}] is too large.");
        TensorType type = request.Output(value.Type, [.. value.Dims.Select(d => (int)d)]);
        return new DensePlan([type], (_, outputs, _, _, _) => value.Bytes.CopyTo(new Span<byte>(outputs[0], (int)value.ByteLength)));
    }
}
