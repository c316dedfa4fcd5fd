namespace Halftone.Samples.Train;

/// <summary>Appends operations to a list; each call gives the name of its result.</summary>
internal sealed class NetworkBuilder
{
    private readonly List<Step> _steps = [];

    /// <summary>A convolution followed by batch normalization.</summary>
    public string ConvolutionAndNorm(string name, string input, int inputs, int outputs, int kernel, int stride = 1, int groups = 1)
    {
        string convolved = Append(new Convolution($"{name}.conv", input, inputs, outputs, kernel, stride, groups));
        return Append(new BatchNormalization($"{name}.bn", convolved, outputs));
    }

    /// <summary>Appends one operation.</summary>
    public string Append(Step step)
    {
        _steps.Add(step);
        return step.Name;
    }

    /// <summary>Ends the network with global average pooling and a classifier of ten classes.</summary>
    public NetworkSpec Classify(string name, string input, int channels)
    {
        string pooled = Append(new GlobalAveragePool("pool", input));
        Append(new Linear(NetworkSpec.Output, pooled, channels, FashionMnist.Classes));
        return new NetworkSpec(name, _steps);
    }
}
