using Halftone.Onnx;

namespace Halftone.Data.Metrics;

/// <summary>How many tokens a language model hesitates between on average.</summary>
/// <remarks>
/// <para>exp(mean over t of -log softmax(logits[t])[id[t + 1]]), over all tokens of all samples; logits [N, T, V], ids [N, T]. A -1 among the ids is padding and is not counted.</para>
/// <para>Ids are the sample's target if that holds integers (where a data set keeps the padding), else its only integer input [N, T]. A sample's score is its mean -log.</para>
/// <para>From: Jelinek et al. 1977, "Perplexity, a measure of the difficulty of speech recognition tasks".</para>
/// </remarks>
public sealed record Perplexity : IMetric, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("perplexity", "Perplexity", "Jelinek et al. 1977, Perplexity, a measure of the difficulty of speech recognition tasks");

    /// <summary>The output with the logits; null for the only one.</summary>
    public string? Output { get; init; }

    /// <inheritdoc/>
    public string Name => Info.Id;

    /// <inheritdoc/>
    public string Unit => "";

    /// <inheritdoc/>
    public bool HigherIsBetter => false;

    /// <inheritdoc/>
    public MetricNeed Need => MetricNeed.Nothing;

    /// <inheritdoc/>
    public IMeasurement Start() => new Tokens(Output);

    private static Tensor Ids(Sample sample)
    {
        Tensor[] integers = [.. sample.Inputs.Values.Where(IsIds)];
        return sample.Target is { } target && IsIds(target) ? target
            : integers.Length == 1 ? integers[0]
            : throw new DataException($"'{sample.Name}' has {integers.Length} inputs of token ids [N,T]; perplexity needs one.");
    }

    private static bool IsIds(Tensor tensor) => tensor.Type is ElementType.Int64 or ElementType.Int32 && tensor.Dims.Length == 2;

    private static double Loss(ReadOnlySpan<float> logits, long id)
    {
        double most = float.NegativeInfinity;
        foreach (float logit in logits)
        {
            most = Math.Max(most, logit);
        }

        double sum = 0;
        foreach (float logit in logits)
        {
            sum += Math.Exp(logit - most);
        }

        return most + Math.Log(sum) - logits[(int)id];
    }

    private sealed class Tokens(string? output) : IMeasurement
    {
        private double _sum;
        private long _count;

        public double Add(Sample sample, IReadOnlyDictionary<string, Tensor> outputs, IReadOnlyDictionary<string, Tensor>? reference = null)
        {
            Tensor ids = Ids(sample);
            Tensor logits = Outputs.Pick(outputs, output);
            if (logits.Dims.Length != 3 || logits.Dims[0] != ids.Dims[0] || logits.Dims[1] != ids.Dims[1])
            {
                throw new DataException($"'{sample.Name}' has ids [{string.Join(",", ids.Dims)}], so perplexity needs logits [{string.Join(",", ids.Dims)},V], but the model gives [{string.Join(",", logits.Dims)}].");
            }

            long[] tokens = ids.ToInt64s();
            float[] scores = logits.ToFloats();
            int vocabulary = (int)logits.Dims[2];
            int length = (int)ids.Dims[1];
            double sum = 0;
            long count = 0;
            for (int t = 0; t + 1 < tokens.Length; t++)
            {
                // the last of a row predicts nothing, and nothing is predicted from padding
                if ((t + 1) % length == 0 || tokens[t] == -1 || tokens[t + 1] == -1)
                {
                    continue;
                }

                long next = tokens[t + 1] >= 0 && tokens[t + 1] < vocabulary ? tokens[t + 1]
                    : throw new DataException($"'{sample.Name}' holds the token {tokens[t + 1]}, but the model's vocabulary is 0 to {vocabulary - 1}.");
                sum += Loss(scores.AsSpan(t * vocabulary, vocabulary), next);
                count++;
            }

            (_sum, _count) = (_sum + sum, _count + count);
            return sum / count;
        }

        public Measured Result() => _count > 0 ? new Measured(Info.Id, Math.Exp(_sum / _count), _count) : throw new InvalidOperationException("Perplexity has measured no token.");
    }
}
