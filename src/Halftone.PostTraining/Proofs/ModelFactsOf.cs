using System.Security.Cryptography;
using Halftone.Onnx;

namespace Halftone.PostTraining.Proofs;

/// <summary>Size, parameters and hash of the two models of a job.</summary>
internal static class ModelFactsOf
{
    public static ModelFacts Float(QuantizationJob job)
    {
        Model model = job.Prepared.Original;
        return Of(job, model, model.Path is { } path ? Path.GetFileName(path) : "model.onnx");
    }

    public static ModelFacts Quantized(QuantizationJob job, Model quantized)
    {
        string name = Path.GetFileNameWithoutExtension(job.Prepared.Original.Path ?? "model.onnx");
        string suffix = job.Recipe.Mode switch
        {
            Recipes.RecipeMode.Float16 => "fp16",
            Recipes.RecipeMode.WeightOnly => $"w{job.Recipe.Weights.Bits ?? 8}",
            _ => $"int{job.Recipe.Weights.Bits ?? 8}",
        };
        return Of(job, quantized, $"{name}.{suffix}.onnx");
    }

    /// <summary>SHA-256 and length of a model's file.</summary>
    public static (string Hash, long Length) HashAndLength(Model model)
    {
        using var counting = new HashingStream();
        model.WriteTo(counting);
        return (counting.Hash(), counting.Length);
    }

    private static ModelFacts Of(QuantizationJob job, Model model, string file)
    {
        long macs = job.Prepared.Model.Graph.Nodes.Sum(n => Macs.Of(job.Prepared.Model.Graph, n, job.Prepared.Values));
        (string hash, long bytes) = HashAndLength(model);
        return new ModelFacts(file, bytes, model.Opset, model.Graph.Nodes.Count, (model == job.Prepared.Original ? job.Prepared.Model : model).Graph.Initializers.Values.Sum(t => t.Count), macs, hash);
    }

    // counts and hashes what is written, and keeps nothing
    private sealed class HashingStream : Stream
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private long _length;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _length;

        public override long Position
        {
            get => _length;
            set => throw new NotSupportedException();
        }

        public string Hash() => Convert.ToHexStringLower(_hash.GetHashAndReset());

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _hash.AppendData(buffer);
            _length += buffer.Length;
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            _hash.Dispose();
            base.Dispose(disposing);
        }
    }
}
