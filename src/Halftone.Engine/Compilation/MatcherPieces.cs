using System.Collections.Immutable;
using Halftone.Engine.Kernels.Pointwise;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>Pieces of values: Split, and Slice of images.</summary>
internal sealed partial class Matcher
{
    /// <summary>One of the outputs of a Split; each has a unit of its own.</summary>
    private PieceUnit? Split(Node node, string piece, string output, QuantizedRange range)
    {
        if (!node.Is("Split") || _view.Activation(node.Input(0)) is not { } input)
        {
            return null;
        }

        ImmutableArray<int> x = typed.Type(input.Codes).Dims;
        int axis = (int)(node.Int("axis", 0) is var a && a < 0 ? a + x.Length : a);
        int before = node.Outputs.TakeWhile(o => o != piece).Sum(o => o.Length == 0 ? 0 : typed.Type(o).Dims[axis]);
        return node.Outputs.TakeWhile(o => o != piece).Any(o => o.Length == 0) ? null
            : Piece(node, input, output, range, [.. x.Select((_, i) => i == axis ? before : 0)]);
    }

    /// <summary>A Slice of images without steps.</summary>
    private PieceUnit? Slice(Node node, Activation input, string output, QuantizedRange range)
    {
        ImmutableArray<int> x = typed.Type(input.Codes).Dims;
        if (FormOf(input.Codes) != Form.Image || typed.Model.Opset < 10 || typed.Constant(node.Input(1)) is not { } begins
            || (node.Input(3).Length > 0 && typed.Constant(node.Input(3)) is null)
            || (node.Input(4).Length > 0 && typed.Constant(node.Input(4))?.ToInt64s().All(s => s == 1) != true))
        {
            return null;
        }

        long[] first = begins.ToInt64s();
        long[] axes = node.Input(3).Length == 0 ? [.. first.Select((_, i) => (long)i)] : typed.Constant(node.Input(3))!.ToInt64s();
        int[] starts = new int[x.Length];
        for (int i = 0; i < axes.Length; i++)
        {
            int axis = (int)(axes[i] < 0 ? axes[i] + x.Length : axes[i]);
            starts[axis] = (int)Math.Clamp(first[i] < 0 ? first[i] + x[axis] : first[i], 0, x[axis]);
        }

        return Piece(node, input, output, range, [.. starts]);
    }

    private PieceUnit? Piece(Node node, Activation input, string output, QuantizedRange range, ImmutableArray<int> starts)
    {
        (ImmutableArray<int> x, ImmutableArray<int> y) = (typed.Type(input.Codes).Dims, typed.Type(output).Dims);
        bool image = FormOf(input.Codes) == Form.Image && x.Length is 3 or 4 && x[0] == y[0];
        if (y.Any(d => d == 0) || x.Length != y.Length || (!image && x.Where((d, i) => d != y[i]).Count() > 1))
        {
            return null;
        }

        return new()
        {
            Node = node,
            Input = input.Codes,
            Output = output,
            Form = image ? Form.Image : Form.Codes,
            Starts = starts,
            Table = Requantized(input.Range, range),
        };
    }
}
