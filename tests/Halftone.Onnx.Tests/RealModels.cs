namespace Halftone.Onnx.Tests;

/// <summary>The trained models of the repository and of the development data, with seeded inputs that fit them.</summary>
internal static class RealModels
{
    /// <summary>Their files.</summary>
    public static IEnumerable<string> Files =>
        Directory.EnumerateFiles(Paths.InRepository("samples"), "*.onnx")
            .Concat(Paths.SharedOrNull("data/models") is { } shared ? Directory.EnumerateFiles(shared, "*.onnx") : [])
            .Order(StringComparer.Ordinal);

    /// <summary>For theories: names, each found again by <see cref="PathOf"/>.</summary>
    public static TheoryData<string> Names => [.. Files.Select(f => Path.GetFileName(f)!)];

    /// <summary>The file of that name.</summary>
    public static string PathOf(string name) => Files.First(f => Path.GetFileName(f) == name);

    /// <summary>Random inputs of the declared types; lengths left open are those the development data's README names, or 2.</summary>
    public static Dictionary<string, Tensor> Feed(Model model, int seed)
    {
        Random random = new(seed);
        string name = Path.GetFileName(model.Path)!;
        Dictionary<string, Tensor> feed = [];
        foreach (ValueInfo input in model.Graph.Inputs)
        {
            // stories260K takes up to 512 tokens of 512, FSRCNN pictures of any size
            // and silero a window of 576 samples
            long[] dims = [.. input.Dims!.Select((d, i) => d is > 0 ? d.Value
                : name.StartsWith("silero", StringComparison.Ordinal) ? (input.Name == "input" ? (long[])[1, 576] : [2, 1, 128])[i]
                : name.StartsWith("fsrcnn", StringComparison.Ordinal) && i >= 2 ? 20 + i
                : name.StartsWith("ppocr", StringComparison.Ordinal) && i == 3 ? 192 : 2)];
            int count = (int)dims.Aggregate(1L, (a, b) => a * b);
            feed[input.Name] = input.Type switch
            {
                ElementType.Float => Tensor.Of([.. Enumerable.Range(0, count).Select(_ => random.NextSingle())], dims),
                ElementType.Int64 when input.Name == "sr" => new Tensor(ElementType.Int64, dims, Tensor.Scalar(16000L).Bytes.ToArray()),
                ElementType.Int64 => Tensor.Of([.. Enumerable.Range(0, count).Select(_ => random.NextInt64(512))], dims),
                _ => throw new NotSupportedException($"{name} has an input of {input.Type}."),
            };
        }

        return feed;
    }
}
