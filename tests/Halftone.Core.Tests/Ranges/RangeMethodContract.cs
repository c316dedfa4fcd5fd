using System.Text.Json;
using Halftone.Core.Tests.Statistics;
using Halftone.Numerics;
using Halftone.Ranges;
using Halftone.Statistics;

namespace Halftone.Core.Tests.Ranges;

/// <summary>What every range method must do. A new method is tested by being in the list.</summary>
public sealed class RangeMethodContract
{
    private static readonly Gen<float[][]> s_batches = Gen.OneOf(
        Generators.Value.Array[0, 60].Array[1, 3],
        Gen.Float[0, 4].Array[0, 60].Array[1, 3],
        Gen.Float[-4, -1].Array[0, 60].Array[1, 3],
        Gen.Const(0f).Array[0, 5].Array[1, 2],
        Gen.Int[0, 100].Select(seed => new[] { Generators.Normal(3000, seed) }),
        Gen.Int[0, 100].Select(seed => new[] { Generators.Laplace(3000, seed).Select(x => Math.Max(x, 0)).ToArray() }));

    public static TheoryData<string> Ids => [.. RangeMethods.All.All.Select(e => e.Info.Id)];

    [Theory, MemberData(nameof(Ids))]
    public void Never_reaches_beyond_what_was_seen_and_zero(string id) =>
        Gen.Select(s_batches, Generators.Grid).Sample((batches, grid) =>
        {
            TensorStatistics s = StatisticsCollectorTests.Collect(batches);
            ClipRange range = RangeMethods.All.Find(id).Default.Estimate(s, grid);
            AffineParameters p = grid.Parameters(range);
            return range.Min <= range.Max && range.Min >= Math.Min(s.Min, 0) && range.Max <= Math.Max(s.Max, 0) && float.IsNormal(p.Scale);
        }, iter: 60);

    [Theory, MemberData(nameof(Ids))]
    public void Same_input_same_output(string id)
    {
        TensorStatistics s = StatisticsCollectorTests.Collect(Generators.Laplace(5000, seed: 1));
        var grid = new QuantizationGrid(IntegerGrid.UInt8, Symmetric: false);
        Assert.Equal(RangeMethods.All.Find(id).Default.Estimate(s, grid), RangeMethods.All.Find(id).Default.Estimate(s, grid));
    }

    [Theory, MemberData(nameof(Ids))]
    public void A_power_of_two_scales_the_range(string id) =>
        Gen.Select(Gen.Int[0, 100], Generators.Grid).Sample((seed, grid) =>
        {
            const float K = 1f / (1 << 20);
            float[] values = Generators.Laplace(2000, seed);
            IRangeMethod method = RangeMethods.All.Find(id).Default;
            ClipRange once = method.Estimate(StatisticsCollectorTests.Collect(values), grid);
            ClipRange scaled = method.Estimate(StatisticsCollectorTests.Collect([.. values.Select(x => K * x)]), grid);
            double slack = 0.01 * Math.Max(-once.Min, once.Max); // searches may end in another of two equal dips
            return Math.Abs((scaled.Min / K) - once.Min) <= slack && Math.Abs((scaled.Max / K) - once.Max) <= slack;
        }, iter: 10);

    [Theory, MemberData(nameof(Ids))]
    public void The_other_sign_mirrors_the_range_of_a_symmetric_grid(string id)
    {
        var grid = new QuantizationGrid(IntegerGrid.Int8.Narrow, Symmetric: true);
        float[] values = [.. Generators.Laplace(20_000, seed: 5).Select(Math.Abs)];
        IRangeMethod method = RangeMethods.All.Find(id).Default;
        ClipRange up = method.Estimate(StatisticsCollectorTests.Collect(values), grid);
        ClipRange down = method.Estimate(StatisticsCollectorTests.Collect([.. values.Select(x => -x)]), grid);
        Assert.InRange(-down.Min, 0.98 * up.Max, 1.02 * up.Max);
    }

    [Theory, MemberData(nameof(Ids))]
    public void Zeros_and_nothing_give_zero(string id)
    {
        var grid = new QuantizationGrid(IntegerGrid.Int8, Symmetric: true);
        Assert.Equal(default, RangeMethods.All.Find(id).Default.Estimate(StatisticsCollectorTests.Collect([]), grid));
        Assert.Equal(default, RangeMethods.All.Find(id).Default.Estimate(StatisticsCollectorTests.Collect(new float[100]), grid));
    }

    [Theory, MemberData(nameof(Ids))]
    public void Refuses_an_option_it_does_not_have(string id) =>
        Assert.Contains("stepz", Assert.Throws<JsonException>(() => RangeMethods.All.Find(id).FromOptions(JsonElement.Parse("""{ "stepz": 3 }"""))).Message, StringComparison.Ordinal);

    [Fact]
    public void No_method_is_left_out_of_the_list() =>
        Assert.Empty(typeof(IRangeMethod).Assembly.GetExportedTypes()
            .Where(t => t.IsAssignableTo(typeof(IRangeMethod)) && !t.IsAbstract)
            .Except(RangeMethods.All.All.Select(e => e.Type)));

    [Fact]
    public void Ids_are_unique() => Assert.Distinct(RangeMethods.All.All.Select(e => e.Info.Id));

    [Fact]
    public void Options_that_are_not_named_keep_their_defaults()
    {
        Assert.Equal(new KlEntropy { Variant = KlVariant.Nvidia }, RangeMethods.All.Find("kl-entropy").FromOptions(JsonElement.Parse("""{ "variant": "Nvidia" }""")));
        Assert.Equal(new Percentile { Percent = 99 }, RangeMethods.All.Find("percentile").FromOptions(JsonElement.Parse("""{ "percent": 99 }""")));
        Assert.Equal(new Percentile(), RangeMethods.All.Find("percentile").Default);
        Assert.Equal(new LeastLp(), RangeMethods.All.Find("lp").Default);
    }

    [Fact]
    public void Refuses_options_out_of_bounds_and_names_the_nearest_of_a_wrong_one()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => RangeMethods.All.Find("percentile").FromOptions(JsonElement.Parse("""{ "percent": 101 }""")));
        Assert.Contains("'percent'", Assert.Throws<JsonException>(() => RangeMethods.All.Find("percentile").FromOptions(JsonElement.Parse("""{ "percnt": 9 }"""))).Message, StringComparison.Ordinal);
        Assert.Contains("'percentile'", Assert.Throws<ArgumentException>(() => RangeMethods.All.Find("percentle")).Message, StringComparison.Ordinal);
    }
}
