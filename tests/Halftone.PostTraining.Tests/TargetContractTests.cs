using System.Collections.Immutable;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.Onnx.Targets;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Tests.Odd;

namespace Halftone.PostTraining.Tests;

/// <summary>Every target on every odd layer, in every format: the result breaks none of the target's own rules, runs, and the formats agree.</summary>
public sealed class TargetContractTests
{
    private const int LowestOpset = 13;
    private const int FourBitOpset = 21; // from it on QuantizeLinear says its type, which runtimes treat apart

    public static TheoryData<string, string, int> Cases =>
        [.. from target in TargetList.All where target.ActivationCodes.Bits > 1 from opset in (int[])[LowestOpset, FourBitOpset] from layer in OddLayers.All select new TheoryDataRow<string, string, int>(target.Id, layer.Name, opset)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Own_output_keeps_the_rules(string targetId, string layerName, int opset)
    {
        Target target = TargetList.Find(targetId);
        OddLayer layer = OddLayers.Find(layerName);
        Model model = layer.Build();
        IDataSet data = layer.Data(model, 4);
        using QuantizationJob job = Jobs.Start(model, Jobs.Plain(target), data, new QuantizerOptions { MinimumOpset = opset, Calibration = new CalibrationOptions { Threads = 1 } });
        if (job.Placement.Nodes.IsEmpty)
        {
            Assert.NotEmpty(job.Placement.KeptFloat);
            return;
        }

        Model qdq = job.Solve().Quantized;
        Assert.DoesNotContain(TargetRules.Check(qdq, target), d => d.Severity is Severity.Error);
        IReadOnlyDictionary<string, Tensor> inputs = Batches.Of(data, null, 1, new SkippedFiles()).First().Inputs;
        IReadOnlyDictionary<string, Tensor> outputs = Fidelity.Run(qdq, inputs);
        if (target.ActivationCodes.Bits == 8)
        {
            Assert.InRange(Fidelity.Sqnr(model, qdq, data), 20, double.PositiveInfinity);
            Near(outputs, Fidelity.Run(FormatConversion.Convert(qdq, ModelFormat.QOperator).Model, inputs), 25); // an operator may round a tie the other way
        }

        Model qonnx = FormatConversion.Convert(qdq, ModelFormat.Qonnx).Model;
        Near(outputs, Fidelity.Run(FormatConversion.Convert(qonnx, ModelFormat.Qdq).Model, inputs), 80);
    }

    private static void Near(IReadOnlyDictionary<string, Tensor> expected, IReadOnlyDictionary<string, Tensor> actual, double floor)
    {
        var comparison = new OutputComparison();
        comparison.Add(expected, actual);
        ImmutableArray<OutputFidelity> results = comparison.Results();
        Assert.All(results, r => Assert.InRange(r.SqnrDecibels, floor, double.PositiveInfinity));
    }
}
