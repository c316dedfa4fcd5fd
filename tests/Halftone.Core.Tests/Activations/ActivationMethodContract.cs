using System.Text.Json;
using Halftone.Activations;
using Halftone.Core.Tests.Statistics;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Ranges;
using Halftone.Statistics;

namespace Halftone.Core.Tests.Activations;

/// <summary>What every activation method must do. A new method is tested by being in the list.</summary>
public sealed class ActivationMethodContract
{
    public static TheoryData<string> Ids => [.. ActivationMethods.All.All.Select(e => e.Info.Id)];

    [Theory, MemberData(nameof(Ids))]
    public void Same_input_same_output(string id) =>
        Gen.Select(Generators.Value.Array[0, 50], Gen.Int[1, 16]).Sample((values, bits) =>
        {
            TensorStatistics s = StatisticsCollectorTests.Collect(values);
            return Choose(id, s, bits) is not { } once || Same(once, Choose(id, s, bits)!);
        });

    [Theory, MemberData(nameof(Ids))]
    public void What_it_gives_is_finite_on_any_data(string id) =>
        Gen.Select(Generators.Value.Array[0, 50], Gen.Int[1, 16]).Sample((values, bits) =>
            Choose(id, StatisticsCollectorTests.Collect(values), bits) switch
            {
                Levels levels => values.All(v => float.IsFinite(levels.Quantize(v))),
                BinaryBases bases => values.All(v => float.IsFinite(bases.Quantize(v))),
                _ => true,
            });

    /// <summary>What a method chooses; null where it says that it does not take so many bits.</summary>
    private static ActivationQuantizer? Choose(string id, TensorStatistics statistics, int bits)
    {
        try
        {
            return ActivationMethods.All.Find(id).Default.Choose(statistics, bits);
        }
        catch (ArgumentException e) when (e.Message.Contains("bits, not", StringComparison.Ordinal))
        {
            Assert.StartsWith($"'{id}' takes", e.Message, StringComparison.Ordinal);
            Assert.NotEqual(4, bits);
            return null;
        }
    }

    private static bool Same(ActivationQuantizer one, ActivationQuantizer other) => (one, other) switch
    {
        (AffineGrid a, AffineGrid b) => a.SameAs(b),
        (Levels a, Levels b) => a.Values.SequenceEqual(b.Values) && a.Thresholds.SequenceEqual(b.Thresholds) && a.UpperClosed == b.UpperClosed,
        (BinaryBases a, BinaryBases b) => a.Betas.SequenceEqual(b.Betas) && a.Shifts.SequenceEqual(b.Shifts),
        _ => false,
    };

    [Theory, MemberData(nameof(Ids))]
    public void Refuses_an_option_it_does_not_have(string id) =>
        Assert.Throws<JsonException>(() => ActivationMethods.All.Find(id).FromOptions(JsonElement.Parse("""{ "stepz": 3 }""")));

    [Fact]
    public void No_method_is_left_out_of_the_list() =>
        Assert.Empty(typeof(IActivationMethod).Assembly.GetExportedTypes()
            .Where(t => t.IsAssignableTo(typeof(IActivationMethod)) && !t.IsAbstract)
            .Except(ActivationMethods.All.All.Select(e => e.Type)));

    [Fact]
    public void Ids_are_unique() => Assert.Distinct(ActivationMethods.All.All.Select(e => e.Info.Id));

    [Theory]
    [InlineData("""{ "range": "percentile", "signed": true }""", 99.99)]
    [InlineData("""{ "range": { "percentile": { "percent": 90 } }, "signed": true }""", 90)]
    public void Affine_takes_its_range_method_by_id_or_with_options(string json, double percent) =>
        Assert.Equal(
            new AffineActivation { Range = new Percentile { Percent = percent }, Signed = true },
            ActivationMethods.All.Find("affine").FromOptions(JsonElement.Parse(json)));

    [Theory]
    [InlineData("""{ "range": 3 }""")]
    [InlineData("""{ "range": { "percentile": { "percnt": 90 } } }""")]
    public void Affine_refuses_what_is_no_range_method(string json) =>
        Assert.Throws<JsonException>(() => ActivationMethods.All.Find("affine").FromOptions(JsonElement.Parse(json)));

    [Fact]
    public void Affine_puts_the_range_on_its_codes()
    {
        TensorStatistics s = StatisticsCollectorTests.Collect([-1, 3]);
        var grid = Assert.IsType<AffineGrid>(new AffineActivation().Choose(s, 8));
        Assert.Equal((0.015686275f, 64, IntegerGrid.UInt8), (grid.Scale, grid.ZeroPoint, grid.Codes));
        var symmetric = Assert.IsType<AffineGrid>(new AffineActivation { Symmetric = true, Signed = true }.Choose(s, 4));
        Assert.Equal((6 / 15f, 0, new IntegerGrid(4, signed: true)), (symmetric.Scale, symmetric.ZeroPoint, symmetric.Codes));
    }
}
