using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;

namespace Halftone.PostTraining.Proofs;

/// <summary>What samples hold, as a hash: the model's inputs behind the preprocessing, labels and targets.</summary>
internal static class SampleHash
{
    /// <summary>SHA-256 of as many samples as calibrate.</summary>
    public static string Of(IDataSet data, CalibrationOptions options, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (Batch batch in Batches.Of(data, Batches.Evenly(data.Count, options.Samples), 1, new SkippedFiles(), cancel))
        {
            foreach (Sample sample in batch.Samples)
            {
                Add(hash, sample);
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Adds a sample.</summary>
    public static void Add(IncrementalHash hash, Sample sample)
    {
        foreach ((string name, Tensor value) in sample.Inputs.OrderBy(i => i.Key, StringComparer.Ordinal))
        {
            hash.AppendData(MemoryMarshal.AsBytes<char>(name));
            hash.AppendData(value.Bytes);
        }

        Span<byte> label = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(label, sample.Label ?? -1);
        hash.AppendData(label);
        hash.AppendData(sample.Target is { } target ? target.Bytes : []);
    }
}
