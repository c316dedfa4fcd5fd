using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>Transposed convolutions.</summary>
internal sealed partial class Matcher
{
    private ConvTransposeUnit? ConvTranspose(Node node, string output, OutputCodes codes)
    {
        if (_view.Activation(node.Input(0)) is not { } input || _view.Weights(node.Input(1), 1) is not { } weights)
        {
            return null;
        }

        ImmutableArray<int> filters = typed.Type(node.Input(1)).Dims;
        if (TransposedGeometry.Of(node, typed.Type(input.Codes).Dims, filters, typed.Type(node.Output(0)).Dims) is not { } geometry || !weights.Fits(filters[1])
            || _view.Bias(node.Input(2), geometry.Outputs, input.Range.Scale, o => weights.Scale(o % filters[1])) is not { } bias || !MayPad(input, geometry.Border))
        {
            return null;
        }

        return new() { Node = node, Geometry = geometry, Input = input, Weights = weights, Bias = bias, Output = output, Codes = codes };
    }
}
