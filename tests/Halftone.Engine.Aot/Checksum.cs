using System.Security.Cryptography;
using Halftone.Onnx;

namespace Halftone.Engine.Aot;

/// <summary>What a model makes of fixed inputs, in a line: the same wherever it is compiled.</summary>
internal static class Checksum
{
    /// <summary>Runs a model file once and hashes the bytes of its outputs.</summary>
    /// <param name="path">The model; lengths that are not fixed count as 1.</param>
    public static string Of(string path)
    {
        using EngineSession session = EngineSession.Load(path);
        IReadOnlyDictionary<string, Tensor> outputs = session.Run(session.Inputs.ToDictionary(i => i.Name, Input));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (ValueInfo output in session.Outputs)
        {
            hash.AppendData(outputs[output.Name].Bytes);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    // a pattern that repeats after a prime number of elements, between -1 and 1
    private static Tensor Input(ValueInfo input)
    {
        const int Period = 251;
        long[] dims = [.. (input.Dims ?? []).Select(d => d ?? 1)];
        long count = dims.Aggregate(1L, (a, b) => a * b);
        float[] values = [.. Enumerable.Range(0, (int)count).Select(i => ((i % Period) - (Period / 2)) / (float)(Period / 2))];
        return input.Type == ElementType.Float ? Tensor.Of(values, dims) : throw new ModelException($"Input '{input.Name}' takes {input.Type.OnnxName()}, not floats.");
    }
}
