using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Onnx.Export.Lowering;

/// <summary>Formats that look their values up: indices of as few bits as ONNX has, Cast to int32, Gather.</summary>
internal static class LookupLowering
{
    private const string IndicesName = "indices";

    /// <summary>Codewords by index; where there are several codebooks, an Add of where each begins, if their turns are regular, else indices that count through all of them; a Transpose where vectors
    /// run along other axes than the last.</summary>
    public static string Value(NodeWriter writer, CodebookTensor codebook)
    {
        int vectors = codebook.Count / codebook.Width;
        int[] starts = [.. Enumerable.Range(0, vectors).Select(v => codebook.Codebook(v) * codebook.CodebookSize)];
        int[] indices = [.. Enumerable.Range(0, vectors).Select(codebook.Index)];
        bool relative = Turns(codebook, starts) is { Length: > 1 };
        string at = relative ? Relative(writer, codebook, indices, starts) : Indices(writer, [.. indices.Zip(starts, (i, s) => i + s)], [vectors]);
        long[] bookDims = codebook.Width == 1 ? [codebook.Codewords.Length] : [codebook.Codewords.Length / codebook.Width, codebook.Width];
        string book = writer.Constant("codebook", Tensor.Of(codebook.Codewords.AsSpan(), bookDims));
        long[] ordered = [.. codebook.Order.Select(axis => (long)codebook.Shape[axis])];
        string value = writer.Reshape(writer.Node("Gather", book, at), ordered);

        // axis a of the weight is where the order names it
        long[] back = [.. Enumerable.Range(0, ordered.Length).Select(axis => (long)codebook.Order.IndexOf(axis))];
        return back.AsSpan().SequenceEqual([.. back.Order()]) ? value : writer.Node("Transpose", [value], n => n.With("perm", back));
    }

    /// <summary>Buckets and their negatives, by an index for each element: the hash itself cannot be written with standard operators.</summary>
    public static string Value(NodeWriter writer, HashedTensor hashed)
    {
        int buckets = hashed.Buckets.Length;
        var hash = new SharingHash(hashed.Seed, buckets);
        int[] indices = [.. Enumerable.Range(0, hashed.Count).Select(hash.TableIndexOf)];
        return Value(writer, [.. hashed.Buckets, .. hashed.Buckets.Select(b => -b)], indices, NodeWriter.Dims(hashed), HashName.Of(hashed.Seed, buckets));
    }

    /// <summary>Single values by index.</summary>
    public static string Value(NodeWriter writer, float[] table, int[] indices, long[] dims, string name = IndicesName) =>
        writer.Node("Gather", writer.Constant("table", Tensor.Of(table, table.Length)), Indices(writer, indices, dims, name));

    /// <summary>The type that holds indices up to the largest.</summary>
    public static ElementType IndexType(int largest, int opset) =>
        largest > ushort.MaxValue ? ElementType.Int32
        : largest > byte.MaxValue ? ElementType.UInt16
        : Codes.StorageType(new IntegerGrid(largest > 15 ? 8 : largest > 3 ? 4 : 2, signed: false), opset, "");

    /// <summary>The largest index that is stored for a codebook.</summary>
    public static int Largest(CodebookTensor codebook)
    {
        int[] starts = [.. Enumerable.Range(0, codebook.Count / codebook.Width).Select(v => codebook.Codebook(v) * codebook.CodebookSize)];
        return Turns(codebook, starts) is { Length: > 1 } ? codebook.CodebookSize - 1 : starts.DefaultIfEmpty().Max() + codebook.CodebookSize - 1;
    }

    private static string Indices(NodeWriter writer, int[] indices, long[] dims, string what = IndicesName)
    {
        ElementType type = IndexType(indices.DefaultIfEmpty().Max(), writer.Opset);
        Tensor stored = type is ElementType.Int32 ? Tensor.Of(indices, dims) : Codes.Pack(indices, dims, type);
        string name = writer.Constant(what, stored);
        return type is ElementType.Int32 ? name : writer.Cast(name, ElementType.Int32);
    }

    // vectors [.., codebook, run] take the codebook of their place on the middle axis
    private static string Relative(NodeWriter writer, CodebookTensor codebook, int[] indices, int[] starts)
    {
        int[] turns = Turns(codebook, starts)!;
        int run = Run(starts);
        ElementType type = IndexType(codebook.CodebookSize - 1, writer.Opset);
        string stored = writer.Constant(IndicesName, Codes.Pack(indices, [indices.Length / (turns.Length * run), turns.Length, run], type));
        string sum = writer.Node("Add", writer.Cast(stored, ElementType.Int32), writer.Constant("codebook_start", Tensor.Of(turns, turns.Length, 1)));
        return writer.Reshape(sum, indices.Length);
    }

    /// <summary>The codebooks' starts as they take turns, in runs of equal length; null where they do not, or where that saves nothing.</summary>
    private static int[]? Turns(CodebookTensor codebook, int[] starts)
    {
        int run = Run(starts);
        if (run == 0 || codebook.CodebookSize > 1 << 16)
        {
            return null;
        }

        int period = starts.Length / run;
        for (int p = 1; p <= period / 2; p++)
        {
            if (period % p == 0 && Enumerable.Range(0, starts.Length).All(v => starts[v] == starts[v / run % p * run]))
            {
                period = p;
                break;
            }
        }

        bool saves = IndexType(starts.Max() + codebook.CodebookSize - 1, 0).Bits() * (long)starts.Length
            > (IndexType(codebook.CodebookSize - 1, 0).Bits() * (long)starts.Length) + (32L * period);
        return saves ? [.. Enumerable.Range(0, period).Select(p => starts[p * run])] : null;
    }

    /// <summary>The greatest length of runs that the starts can be cut into; 0 for none at all.</summary>
    private static int Run(int[] starts)
    {
        int run = starts.Length;
        for (int v = 1; v < starts.Length; v++)
        {
            if (starts[v] != starts[v - 1])
            {
                run = (int)System.Numerics.BigInteger.GreatestCommonDivisor(run, v);
            }
        }

        return run;
    }
}
