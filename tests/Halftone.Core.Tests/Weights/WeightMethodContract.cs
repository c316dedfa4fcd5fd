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
    private static readonly (float[] Values, int Rows)[] s_odd =
    [
        ([], 0), ([], 2), ([3], 1), ([-1e-30f], 1), ([0], 1), ([0.5f, 0.5f, 0.5f, 0.5f], 2), ([1, 1, 1, 1e20f], 2), ([1, 0, 0, 0], 4),
    ];

    // a width that every method takes
    private static readonly IntegerGrid s_four = new(4, signed: true);

    public static TheoryData<string> Ids => [.. WeightMethods.All.All.Select(e => e.Info.Id)];

    /// <summary>Weights of any shape, some channels dead, with a target that fits.</summary>
    public static Gen<(WeightView Weight, WeightTarget Target)> Any { get; } =
        Gen.Select(GranularityTests.Any, Generators.Codes, Gen.Bool).SelectMany((g, codes, symmetric) =>
            Generators.Value.Array[g.Shape.Aggregate(1, (a, b) => a * b)].Select(values =>
                (View(values, g.Shape), new WeightTarget(codes, symmetric, g.Granularity))));

    public static WeightView View(float[] values, params ImmutableArray<int> shape) => new(WeightKind.Conv, shape, 0, Math.Min(1, shape.Length - 1), 1, values);

    /// <summary>What a method makes; null where it says that it does not take so many bits.</summary>
    public static QuantizedTensor? Quantize(string id, WeightView weight, WeightTarget target)
    {
        try
        {
            return WeightMethods.All.Find(id).Default.Quantize(weight, target, LayerStatistics.None);
        }
        catch (ArgumentException e) when (e.Message.Contains("bits, not", StringComparison.Ordinal))
        {
            Assert.StartsWith($"'{id}' takes", e.Message, StringComparison.Ordinal);
            Assert.NotEqual(4, target.Codes.Bits);
            return null;
        }
    }

    private static IEnumerable<AffineTensor> Affine(QuantizedTensor q) => q is SumTensor sum ? sum.Terms.SelectMany(Affine) : q is AffineTensor a ? [a] : [];

    // codes at halves, offsets, signs: formats without a code for 0
    private static bool HasZero(QuantizedTensor q) => q switch
    {
        AffineTensor a => !a.HalfCodes && a.Offsets.IsEmpty,
        CodebookTensor c => c.Width == 1 && c.Codewords.Contains(0),
        BinaryBasisTensor or HashedTensor => false,
        SumTensor s => s.Terms.All(HasZero),
        _ => true,
    };

    [Theory, MemberData(nameof(Ids))]
    public void Takes_single_values_constants_outliers_and_nothing(string id)
    {
        foreach (Granularity granularity in new[] { Granularity.Tensor, Granularity.Channel(0), Granularity.Block(1, 3) })
        {
            foreach ((float[] values, int rows) in s_odd)
            {
                WeightView weight = View(values, rows, rows == 0 ? 3 : values.Length / rows);
                QuantizedTensor q = WeightMethods.All.Find(id).Default.Quantize(weight, new(s_four, true, granularity), LayerStatistics.None);
                Assert.All(q.Dequantize(), v => Assert.True(float.IsFinite(v)));
            }
        }
    }

    [Theory, MemberData(nameof(Ids))]
    public void Codes_are_on_the_grid_and_scales_are_positive_and_finite(string id) =>
        Any.Sample((weight, target) =>
        {
            QuantizedTensor? q = Quantize(id, weight, target);
            return q is null || (q.Shape.SequenceEqual(weight.Shape) && q.Dequantize().All(float.IsFinite)
                && Affine(q).All(a => a.Codes().All(c => c >= a.Grid.Min && c <= a.Grid.Max) && a.Scales.All(s => s > 0 && float.IsFinite(s))));
        });

    [Theory, MemberData(nameof(Ids))]
    public void Same_input_same_output(string id) =>
        Any.Sample((weight, target) => Quantize(id, weight, target) is not { } once || once.Dequantize().SequenceEqual(Quantize(id, weight, target)!.Dequantize()));

    [Theory, MemberData(nameof(Ids))]
    public void Zeros_stay_zero_where_the_format_has_a_code_for_them(string id)
    {
        foreach (var granularity in new[] { Granularity.Network, Granularity.Tensor, Granularity.Channel(0), Granularity.Block(1, 2) })
        {
            float[] values = [0, 0, 0, 1, -2, 0, 0, 0, 3, 0, 0, 0];
            QuantizedTensor q = WeightMethods.All.Find(id).Default.Quantize(View(values, 3, 4), new(s_four, true, granularity), LayerStatistics.None);
            Assert.All(q.Dequantize().Zip(values), v => Assert.True(v.Second != 0 || v.First == 0 || !HasZero(q)));
        }
    }

    [Theory, MemberData(nameof(Ids))]
    public void A_dead_channel_stays_dead_with_scale_one(string id)
    {
        QuantizedTensor q = WeightMethods.All.Find(id).Default.Quantize(View([0, 0, 1, 2], 2, 2), new(s_four, true, Granularity.Channel(0)), LayerStatistics.None);
        bool shared = q is HashedTensor or CodebookTensor { Width: > 1 }; // by channels too
        Assert.All(shared ? [] : q.Dequantize().Take(2), v => Assert.InRange(v, -2e-38f, 2e-38f)); // no code at halves is 0
        Assert.All(Affine(q).Take(1).Where(a => !a.HalfCodes), a => Assert.Equal(1, a.Scales[0]));
    }

    [Theory, MemberData(nameof(Ids))]
    public void Refuses_values_that_are_not_finite_and_names_their_index(string id)
    {
        foreach (float bad in new[] { float.NaN, float.PositiveInfinity })
        {
            var e = Assert.Throws<ArgumentException>(() =>
                WeightMethods.All.Find(id).Default.Quantize(View([0, 1, bad, 3], 2, 2), new(s_four, true, Granularity.Tensor), LayerStatistics.None));
            Assert.Contains("index 2", e.Message, StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Ids))]
    public void Stops_when_asked(string id) =>
        Assert.Throws<OperationCanceledException>(() => WeightMethods.All.Find(id).Default.Quantize(
            View([1], 1), new(s_four, true, Granularity.Tensor), LayerStatistics.None, new CancellationToken(canceled: true)));

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
