using Halftone.Engine.Execution;
using Halftone.Engine.Kernels;
using Halftone.Engine.Kernels.Winograd;
using Halftone.Engine.Steps;

namespace Halftone.Engine.Compilation;

/// <summary>Convolutions in the transformed domain, where that is faster: a quarter of the products, of 16 bits.</summary>
internal sealed partial class ConvUnit
{
    /// <summary>The convolution in the transformed domain, where that is faster; null elsewhere.</summary>
    private WinogradProblem? Winograd(PlanBuilder plan, ImageShape from, ImageShape to, ImageShape? others, Epilogue epilogue)
    {
        var axis = new ConvAxis(3, 1, 1, 0, 0, 0);
        if (Geometry.Groups > 1 || Shape(V) != axis || Shape(H) != axis || Geometry.Channels % WinogradTransform.Lanes > 0
            || Geometry.Outputs > WinogradProblem.MostOutputs || epilogue.ElementBytes > 1
            || Weights is not { Passes: 1, Bits: 8 } || plan.Options.Accumulation != Accumulation.Int32
            || WinogradTiers.Choose(plan.Options.ChosenTier) is not { } tier || Geometry.Channels > tier.MostInputs
            || !tier.IsFaster(Geometry.Channels, Geometry.Outputs, Geometry.Batch, V.Output, H.Output, plan.Options.Threads))
        {
            return null;
        }

        var problem = new WinogradProblem
        {
            Inputs = Geometry.Channels,
            Weights = Ordered(0),
            Bias = [.. Enumerable.Range(0, Geometry.Outputs).Select(Folded)],
            Epilogue = epilogue,
            Residual = others is null ? null : Residual!.Of(others.Channels),
            Images = Geometry.Batch,
            Height = V.Output,
            Width = H.Output,
            Input = new(from.RowPitch, from.ImagePitch),
            Output = new(to.RowPitch, to.ImagePitch),
            Others = others is null ? default : new(others.RowPitch, others.ImagePitch),
            Threads = plan.Options.Threads,
        };
        return WinogradTransform.Fits(problem.Weights, problem.Bias) ? problem : null;

        static ConvAxis Shape(ConvAxis a) => a with { Before = 0, Input = 0, Output = 0 };
    }

    private void Add(PlanBuilder plan, WinogradProblem problem, (Place Place, long Offset) x, (Place Place, ImageShape Shape) y, (Place Place, ImageShape Shape)? others)
    {
        WinogradKernel kernel = plan.Own(WinogradTiers.Choose(plan.Options.ChosenTier)!.Build(problem));
        Place scratch = plan.Allocate(kernel.ScratchBytes * plan.Options.Threads);
        long nanoseconds = problem.Weights.LongLength * Geometry.Batch * V.Output * H.Output / (2 * ProductsPerNanosecond);
        var step = new WinogradStep(
            kernel, x, (y.Place, y.Shape.Origin), others is { } o ? (o.Place, o.Shape.Origin) : null, scratch, y.Shape, plan.PaddingOf(Result), plan.Options.Threads, nanoseconds)
        {
            Name = StepName,
        };
        plan.Add(step, others is { } read ? [x.Place, read.Place] : [x.Place], [y.Place, scratch]);
    }
}
