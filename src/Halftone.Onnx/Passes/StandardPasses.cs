using System.Collections.Immutable;

namespace Halftone.Onnx.Passes;

/// <summary>The passes every model goes through before quantization, in the order they run.</summary>
public static class StandardPasses
{
    private const int MostRounds = 16;

    /// <summary>The list. Each may assume what those before it leave behind.</summary>
    public static ImmutableArray<IGraphPass> All { get; } =
    [
        new ConstantsToInitializers(), // weights behind Constant and ConstantOfShape become visible
        new FoldConstants(), // and what is computed from them alone
        new RemoveIdentity(), // so that Conv and BatchNormalization are neighbours
        new FoldPad(), // before the convolution's bias is touched
        new FoldBatchNorm(),
        new FlattenToReshape(), // runtimes keep codes through Reshape, not through Flatten
        new SumToAdd(),
        new RemoveDeadNodes(), // last: the others leave nodes and constants behind
    ];

    /// <summary>Runs them in order, again until nothing changes.</summary>
    /// <exception cref="ModelException">A pass does not settle.</exception>
    public static void Apply(Model model, PassContext context)
    {
        for (int round = 0; round < MostRounds; round++)
        {
            bool changed = false;
            foreach (IGraphPass pass in All)
            {
                changed |= pass.Apply(model.Graph, context);
            }

            if (!changed)
            {
                model.Graph.Sort();
                return;
            }
        }

        throw new ModelException($"The passes did not settle in {MostRounds} rounds.");
    }
}
