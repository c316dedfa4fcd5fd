using Halftone.Engine.Kernels.Pointwise;
using Halftone.Engine.Kernels.Products;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>What a product's codes are added to, instead of being stored.</summary>
/// <param name="Node">The node that adds.</param>
/// <param name="Other">The other operand.</param>
/// <param name="Product">What the product's codes stand for in the sum: that need not be what they were made for.</param>
/// <param name="ProductFirst">Whether those are the first operand.</param>
/// <param name="Output">Name of the sum's codes.</param>
/// <param name="Codes">What they stand for.</param>
/// <param name="Signed">Whether all are int8 codes.</param>
internal sealed record Residual(Node Node, Activation Other, QuantizedRange Product, bool ProductFirst, string Output, OutputCodes Codes, bool Signed)
{
    /// <summary>As a kernel takes it.</summary>
    /// <param name="rowStride">Bytes from a row of the other operand to the next.</param>
    public ProductResidual Of(int rowStride)
    {
        (QuantizedRange a, QuantizedRange b) = ProductFirst ? (Product, Other.Range) : (Other.Range, Product);
        return new(new(a, b, Codes.Range, Codes.Least, Codes.Most, Signed), ProductFirst, rowStride);
    }
}

/// <summary>A unit whose codes can be added to others before they are stored.</summary>
internal interface IResidualUnit
{
    /// <summary>Its codes; null where nothing can be added to them.</summary>
    Held? Addable { get; }

    /// <summary>What is added; null for nothing.</summary>
    Residual? Residual { get; set; }
}

/// <summary>Makes additions part of the products before them: residual connections.</summary>
internal static class Residuals
{
    /// <summary>Takes each addition whose operand is a product that nothing else reads into that product, which then runs in its place.</summary>
    public static List<Unit> Fuse(List<Unit> units, IEnumerable<string> outputs)
    {
        Dictionary<string, int> readers = units.SelectMany(u => u.Needs).Select(n => n.Value.Name).Concat(outputs).CountBy(name => name).ToDictionary();
        Dictionary<Held, (Unit Unit, int Index)> products = [];
        Dictionary<Unit, Unit> fused = []; // additions to products
        foreach ((int index, Unit unit) in units.Index())
        {
            if (unit is IResidualUnit { Addable: { } addable } && readers.GetValueOrDefault(addable.Name) == 1)
            {
                products.Add(addable, (unit, index));
            }
            else if (unit is BinaryUnit { Operation: "Add", PerChannel: false } add)
            {
                // of two products the later, so that fewer values wait for it
                Unit? product = ((Activation[])[add.A, add.B]).Select(x => products.GetValueOrDefault(new Held(x.Codes, add.Form))).MaxBy(p => p.Unit is null ? -1 : p.Index).Unit;
                if (product is IResidualUnit { Addable: { } codes } taken)
                {
                    bool first = add.A.Codes == codes.Name;
                    (Activation own, Activation other) = first ? (add.A, add.B) : (add.B, add.A);
                    taken.Residual = new(add.Node, other, own.Range, first, add.Output, add.Codes, add.Signed);
                    fused.Add(add, product);
                }
            }
        }

        HashSet<Unit> moved = [.. fused.Values];
        return [.. units.Where(u => !moved.Contains(u)).Select(u => fused.GetValueOrDefault(u, u))];
    }
}
