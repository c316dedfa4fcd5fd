using System.Collections.Immutable;
using System.Text.Json;
using Halftone.Core.Tests.Formats;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

/// <summary>What every weight method must do. A new method is tested by being in the list.</summary>
public sealed class WeightMethodContract
{
    public static TheoryData<string> Ids => [.. WeightMethods.All.All.Select(e => e.Info.Id)];

    /// <summary>Weights of any shape, some channels dead, with a target that fits.</summary>
    public static Gen<(WeightView Weight, WeightTarget Target)> Any { get; } =
        Gen.Select(GranularityTests.Any, Generators.Codes, Gen.Bool).SelectMany((g, codes, symmetric) =>
            Generators.Value.Array[g.Shape.Aggregate(1, (a, b) => a * b)].Select(values =>
                (View(values, g.Shape), new WeightTarget(codes, symmetric, g.Granularity))));

    public static WeightView View(float[] values, params ImmutableArray<int> shape) => new(WeightKind.Conv, shape, 0, Math.Min(1, shape.Length - 1), 1, values);

    [Theory, MemberData(nameof(Ids))]
    public void Codes_are_on_the_grid_and_scales_are_positive_and_finite(string id) =>
        Any.Sample((weight, target) =>
        {
            QuantizedTensor q = WeightMethods.All.Find(id).Default.Quantize(weight, target, LayerStatistics.None);
            return q.Shape.SequenceEqual(weight.Shape) && q.Dequantize().All(float.IsFinite)
                && (q is not AffineTensor a
                    || (a.Codes().All(c => c >= target.Codes.Min && c <= target.Codes.Max) && a.Scales.All(s => s > 0 && float.IsFinite(s))));
        });

    [Theory, MemberData(nameof(Ids))]
    public void Same_input_same_output(string id) =>
        Any.Sample((weight, target) =>
            WeightMethods.All.Find(id).Default.Quantize(weight, target, LayerStatistics.None).Dequantize().SequenceEqual(
                WeightMethods.All.Find(id).Default.Quantize(weight, target, LayerStatistics.None).Dequantize()));

    [Theory, MemberData(nameof(Ids))]
    public void Zeros_stay_zero_where_the_format_has_a_code_for_them(string id)
    {
        foreach (var granularity in new[] { Granularity.Network, Granularity.Tensor, Granularity.Channel(0), Granularity.Block(1, 2) })
        {
            float[] values = [0, 0, 0, 1, -2, 0, 0, 0, 3, 0, 0, 0];
            QuantizedTensor q = WeightMethods.All.Find(id).Default.Quantize(View(values, 3, 4), new(IntegerGrid.Int8, true, granularity), LayerStatistics.None);
            Assert.All(q is AffineTensor { Offsets: [] } or SparseTensor ? q.Dequantize().Zip(values) : [], v => Assert.True(v.Second != 0 || v.First == 0));
        }
    }

    [Theory, MemberData(nameof(Ids))]
    public void A_dead_channel_gets_scale_one(string id)
    {
        if (WeightMethods.All.Find(id).Default.Quantize(View([0, 0, 1, 2], 2, 2), new(IntegerGrid.Int8, true, Granularity.Channel(0)), LayerStatistics.None) is AffineTensor q)
        {
            Assert.Equal(1, q.Scales[0]);
            Assert.NotEqual(1, q.Scales[1]);
        }
    }

    [Theory, MemberData(nameof(Ids))]
    public void Refuses_values_that_are_not_finite_and_names_their_index(string id)
    {
        foreach (float bad in new[] { float.NaN, float.PositiveInfinity })
        {
            var e = Assert.Throws<ArgumentException>(() =>
                WeightMethods.All.Find(id).Default.Quantize(View([0, 1, bad, 3], 2, 2), new(IntegerGrid.Int8, true, Granularity.Tensor), LayerStatistics.None));
            Assert.Contains("index 2", e.Message, StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Ids))]
    public void Stops_when_asked(string id) =>
        Assert.Throws<OperationCanceledException>(() => WeightMethods.All.Find(id).Default.Quantize(
            View([1], 1), new(IntegerGrid.Int8, true, Granularity.Tensor), LayerStatistics.None, new CancellationToken(canceled: true)));

    [Theory, MemberData(nameof(Ids))]
    public void Refuses_an_option_it_does_not_have(string id) =>
        Assert.Throws<JsonException>(() => WeightMethods.All.Find(id).FromOptions(JsonElement.Parse("""{ "stepz": 3 }""")));

    [Fact]
    public void No_method_is_left_out_of_the_list() =>
        Assert.Empty(typeof(IWeightMethod).Assembly.GetExportedTypes()
            .Where(t => t.IsAssignableTo(typeof(IWeightMethod)) && !t.IsAbstract)
            .Except(WeightMethods.All.All.Select(e => e.Type)));

    [Fact]
    public void Ids_are_unique() => Assert.Distinct(WeightMethods.All.All.Select(e => e.Info.Id));
}
