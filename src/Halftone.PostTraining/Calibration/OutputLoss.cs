using Halftone.Data;
using Halftone.Onnx;

namespace Halftone.PostTraining.Calibration;

/// <summary>How far a model's outputs are from what they should be, for methods that search by the task's loss.</summary>
/// <remarks>
/// Where the model has one output of class scores [N, C], the cross-entropy with the label of each sample or, of samples without, with the float model's
/// probabilities; scores that are no probabilities yet go through a softmax. Elsewhere sum (r - q)^2 / sum r^2 against the float model's outputs.
/// </remarks>
public sealed class OutputLoss
{
    private const double Least = 1e-12; // a probability of 0 costs this one's logarithm

    private double _sum;
    private double _signal;
    private long _count;
    private bool _classes;

    /// <summary>Mean cross-entropy in nats, or the relative squared error.</summary>
    public double Mean => _classes ? _sum / _count : _signal > 0 ? _sum / _signal : _sum;

    /// <summary>Adds a batch.</summary>
    /// <param name="batch">Its labels count.</param>
    /// <param name="expected">The float model's outputs.</param>
    /// <param name="actual">The outputs to judge.</param>
    public void Add(Batch batch, IReadOnlyDictionary<string, Tensor> expected, IReadOnlyDictionary<string, Tensor> actual)
    {
        if (expected.Count == 1 && expected.First() is { Value: { Dims: [var rows, > 1] } } one && rows == batch.Samples.Length)
        {
            _classes = true;
            AddScores(batch, one.Value, actual[one.Key]);
            return;
        }

        foreach ((string name, Tensor reference) in expected)
        {
            foreach ((float r, float q) in reference.ToFloats().Zip(actual[name].ToFloats()))
            {
                _signal += (double)r * r;
                _sum += ((double)r - q) * ((double)r - q);
            }
        }
    }

    private void AddScores(Batch batch, Tensor expected, Tensor actual)
    {
        int classes = (int)expected.Dims[1];
        (float[] wanted, float[] given) = (expected.ToFloats(), actual.ToFloats());
        bool probabilities = Enumerable.Range(0, batch.Samples.Length).All(i => AreProbabilities(wanted.AsSpan(i * classes, classes)));
        for (int i = 0; i < batch.Samples.Length; i++)
        {
            double[] logarithms = Logarithms(given.AsSpan(i * classes, classes), probabilities);
            if (batch.Samples[i].Label is { } label && label >= 0 && label < classes)
            {
                _sum -= logarithms[label];
            }
            else
            {
                double[] reference = Logarithms(wanted.AsSpan(i * classes, classes), probabilities);
                for (int c = 0; c < classes; c++)
                {
                    _sum -= Math.Exp(reference[c]) * logarithms[c];
                }
            }

            _count++;
        }
    }

    private static bool AreProbabilities(ReadOnlySpan<float> scores)
    {
        double sum = 0;
        foreach (float score in scores)
        {
            if (!(score >= 0))
            {
                return false;
            }

            sum += score;
        }

        return Math.Abs(sum - 1) < 1e-3;
    }

    private static double[] Logarithms(ReadOnlySpan<float> scores, bool probabilities)
    {
        var logarithms = new double[scores.Length];
        double most = double.NegativeInfinity;
        for (int c = 0; c < scores.Length; c++)
        {
            logarithms[c] = probabilities ? Math.Log(Math.Max(scores[c], Least)) : float.IsNaN(scores[c]) ? double.MinValue : scores[c];
            most = Math.Max(most, logarithms[c]);
        }

        double sum = logarithms.Sum(l => Math.Exp(l - most));
        return Array.ConvertAll(logarithms, l => Math.Max(l - most - Math.Log(sum), Math.Log(Least)));
    }
}
