using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Proofs;

/// <summary>Every form that recipes give the bundled networks comes back from its archive, and the ledger's coded bytes are those of the archive.</summary>
public sealed class CodedBytesTests
{
    public static TheoryData<string, string> Cases => [.. from recipe in RecipeFile.Names from network in (string[])["fashion_resnet", "fashion_mobilenet"] select new TheoryDataRow<string, string>(recipe, network)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_form_of_every_recipe_comes_back_bit_by_bit(string recipe, string network)
    {
        // corrections and the choice of ranges change numbers, not forms
        Recipe plain = RecipeFile.Find(recipe) with { Corrections = [], LeastSqnr = null };
        plain = plain.Activations.Range == "auto" ? plain with { Activations = plain.Activations with { Range = "min-max" } } : plain;
        using QuantizationJob job = Jobs.Start(FashionSamples.Load(network), plain, FashionSamples.Calibration(8));
        (QuantizationPlan plan, Model quantized) = job.Solve();
        byte[] file = quantized.ToBytes();
        PackedModel packed = SizeLedger.Pack(quantized)!;
        Assert.True(file.AsSpan().SequenceEqual(ModelArchive.Unpack(packed.Bytes)));
        Assert.InRange(packed.Bytes.Length, 1, file.Length);

        var sizes = SizeLedger.Of(job.Prepared.Original, quantized, packed, plan, job.Prepared.Model.Graph);
        Assert.All(sizes, s => Assert.InRange(s.Coded!.Value, 0, (1.1 * s.After) + 16)); // a byte a tensor says how it is coded
        Assert.InRange(sizes.Sum(s => s.Coded!.Value), 1, packed.Bytes.Length);
        SizeEntry weights = sizes.Single(s => s.What == "Conv weights");
        if (weights.After < weights.Before / 2)
        {
            Assert.InRange(weights.Coded!.Value, 1, weights.After - 1);
        }
    }

    [Fact]
    public void Every_outcome_states_deployed_and_coded_bytes()
    {
        Outcome outcome = Quantizer.Quantize(FashionSamples.Load("fashion_mobilenet"), RecipeFile.Find("pytorch-static-fbgemm"), FashionSamples.Calibration(8), new QuantizerOptions
        {
            Calibration = new CalibrationOptions { Threads = 1 },
            Proof = new ProofOptions { LatencyBudget = TimeSpan.Zero, Details = false },
        }).Outcome;
        Assert.InRange(outcome.CodedBytes!.Value, outcome.Sizes.Sum(s => s.Coded!.Value), outcome.Quantized.Bytes);
    }
}
