using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Halftone.Samples.Train;

/// <summary>A <see cref="NetworkSpec"/> that runs on TorchSharp, with the parameters that training changes.</summary>
internal sealed class TrainableNetwork : Module<Tensor, Tensor>
{
    private readonly NetworkSpec _spec;
    private readonly Dictionary<string, Module<Tensor, Tensor>> _modules = [];

    /// <summary>Makes the parameters: He-normal convolutions, the rest as PyTorch does.</summary>
    public TrainableNetwork(NetworkSpec spec)
        : base(spec.Name)
    {
        _spec = spec;
        using DisposeScope scope = NewDisposeScope();
        foreach (Step step in spec.Steps)
        {
            Module<Tensor, Tensor>? module = step switch
            {
                Convolution c => NewConvolution(c),
                BatchNormalization b => BatchNorm2d(b.Channels),
                Linear l => nn.Linear(l.Inputs, l.Outputs),
                _ => null,
            };
            if (module is not null)
            {
                _modules.Add(step.Name, module);

                // a dot would cut the name into a path of modules
                register_module(step.Name.Replace('.', '_'), module);
                foreach (Tensor tensor in module.parameters().Concat(module.buffers()))
                {
                    tensor.DetachFromDisposeScope();
                }
            }
        }
    }

    /// <summary>The parameters on which weight decay works: those of convolutions and of the classifier, not of the norms.</summary>
    public IEnumerable<Parameter> Decayed() => parameters().Where(parameter => parameter.dim() > 1);

    /// <summary>The other parameters.</summary>
    public IEnumerable<Parameter> Undecayed() => parameters().Where(parameter => parameter.dim() <= 1);

    /// <summary>All that makes up the trained network: parameters and running statistics, floats alone.</summary>
    public IEnumerable<Tensor> State() => parameters().Concat(buffers()).Where(tensor => tensor.dtype == ScalarType.Float32);

    /// <summary>The weights of a step as they stand, for export.</summary>
    public Module<Tensor, Tensor> ModuleOf(Step step) => _modules[step.Name];

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> values = new() { [NetworkSpec.Input] = input };
        Tensor result = input;
        foreach (Step step in _spec.Steps)
        {
            Tensor x = values[step.Input];
            result = step switch
            {
                Relu => functional.relu(x),
                Relu6 => functional.relu6(x),
                Addition a => x + values[a.Other],
                GlobalAveragePool => x.mean([2, 3], keepdim: true),
                Convolution { Inputs: 1 } => ChannelsLast(_modules[step.Name].forward(x)),
                Linear => _modules[step.Name].forward(x.flatten(1)),
                _ => _modules[step.Name].forward(x),
            };
            values[step.Name] = result;
        }

        return result.MoveToOuterDisposeScope();
    }

    /// <summary>The same values, laid out in memory with the channels innermost; all that follows keeps that layout.</summary>
    /// <remarks>Measured on an AVX2 machine with one thread: a 1x1 convolution from 24 to 96 channels at 14 by 14 goes forward in 2.1 ms, in place of 10.5, and a depthwise one backward in 16 ms, in place of 30. One channel or a 1x1 kernel leaves the layout open, so it is set once, behind the first convolution.</remarks>
    private static Tensor ChannelsLast(Tensor x) => x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

    private static Conv2d NewConvolution(Convolution c)
    {
        Conv2d module = Conv2d(c.Inputs, c.Outputs, c.Kernel, c.Stride, c.Padding, groups: c.Groups, bias: false);
        init.kaiming_normal_(module.weight!, mode: init.FanInOut.FanOut, nonlinearity: init.NonlinearityType.ReLU);
        return module;
    }
}
