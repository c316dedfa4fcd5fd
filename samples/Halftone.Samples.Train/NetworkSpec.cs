namespace Halftone.Samples.Train;

/// <summary>One operation of a network; its result carries the operation's name.</summary>
/// <param name="Name">The name of the operation, of its result, and the start of its parameters' names.</param>
/// <param name="Input">The name of the value that it takes.</param>
internal abstract record Step(string Name, string Input);

/// <summary>A convolution without bias, padded so that stride 1 keeps the size.</summary>
internal sealed record Convolution(string Name, string Input, int Inputs, int Outputs, int Kernel, int Stride, int Groups) : Step(Name, Input)
{
    /// <summary>Zeros added on each side.</summary>
    public int Padding => Kernel / 2;
}

/// <summary>Batch normalization over the channels.</summary>
internal sealed record BatchNormalization(string Name, string Input, int Channels) : Step(Name, Input);

/// <summary>max(x, 0).</summary>
internal sealed record Relu(string Name, string Input) : Step(Name, Input);

/// <summary>min(max(x, 0), 6).</summary>
internal sealed record Relu6(string Name, string Input) : Step(Name, Input);

/// <summary>The sum of two values of one shape.</summary>
internal sealed record Addition(string Name, string Input, string Other) : Step(Name, Input);

/// <summary>The mean over height and width: [N, C, H, W] to [N, C, 1, 1].</summary>
internal sealed record GlobalAveragePool(string Name, string Input) : Step(Name, Input);

/// <summary>[N, C, 1, 1] to [N, C], then x W^T + b.</summary>
internal sealed record Linear(string Name, string Input, int Inputs, int Outputs) : Step(Name, Input);

/// <summary>A network as a list of operations in the order of running; training and export both walk this one list.</summary>
/// <param name="Name">The network's name, which is also its file's.</param>
/// <param name="Steps">The operations; the last one's result is the network's.</param>
internal sealed record NetworkSpec(string Name, IReadOnlyList<Step> Steps)
{
    /// <summary>The name of the network's input, [N, 1, 28, 28].</summary>
    public const string Input = "input";

    /// <summary>The name of the network's result, [N, 10].</summary>
    public const string Output = "logits";
}
