using System.Text.Json;
using Halftone.Onnx;

namespace Halftone.Cli.Tests.EndToEnd;

/// <summary>pack and unpack, as a user calls them.</summary>
public sealed class ArchiveCommandTests(QuantizedSample sample) : IClassFixture<QuantizedSample>
{
    [Fact]
    public async Task A_quantized_model_comes_back_bit_by_bit_and_takes_what_its_outcome_says()
    {
        using TemporaryFolder folder = new();
        JsonElement outcome = JsonElement.Parse(File.ReadAllText(Path.Combine(sample.Out, "outcome.json")));
        string model = Assert.Single(Directory.GetFiles(sample.Out, "*.onnx"));
        string archive = folder.File("m.halftone");
        Ran packed = await CommandLine.Run("pack", model, "-o", archive, "--json");
        Assert.True(packed.Code is ExitCode.Ok, packed.Error);
        Ran unpacked = await CommandLine.Run("unpack", archive, "-o", folder.File("again.onnx"));
        Assert.True(unpacked.Code is ExitCode.Ok, unpacked.Error);
        Assert.True(File.ReadAllBytes(model).AsSpan().SequenceEqual(File.ReadAllBytes(folder.File("again.onnx"))));

        long coded = new FileInfo(archive).Length;
        Assert.Equal(coded, JsonElement.Parse(packed.Out).GetProperty("codedBytes").GetInt64());
        Assert.Equal(coded, outcome.GetProperty("codedBytes").GetInt64()); // exactly what pack writes
        Assert.InRange(coded, 1, new FileInfo(model).Length);
        Assert.InRange(outcome.GetProperty("sizes").EnumerateArray().Sum(s => s.GetProperty("coded").GetInt64()), 1, coded);
    }

    [Fact]
    public async Task Damage_and_wrong_files_end_in_one_sentence()
    {
        using TemporaryFolder folder = new();
        string archive = folder.File("m.halftone");
        Assert.Equal(ExitCode.Ok, (await CommandLine.Run("pack", Bundled.Mobilenet, "-o", archive)).Code);
        byte[] bytes = File.ReadAllBytes(archive);
        bytes[^1000] ^= 16;
        File.WriteAllBytes(archive, bytes);
        foreach ((string[] args, ExitCode code, string says) in ((string[], ExitCode, string)[])
            [
                (["unpack", archive, "-o", folder.File("x.onnx")], ExitCode.InvalidInput, "damaged"),
                (["unpack", Bundled.Mobilenet, "-o", folder.File("x.onnx")], ExitCode.InvalidInput, "no archive"),
                (["unpack", archive], ExitCode.Usage, "--output"),
                (["unpack", folder.File("none"), "-o", folder.File("x.onnx")], ExitCode.InputOutput, "none"),
                (["pack", archive, "-o", folder.File("y")], ExitCode.InvalidInput, "m.halftone"),
            ])
        {
            Ran ran = await CommandLine.Run(args);
            Assert.Equal(code, ran.Code);
            Assert.Contains(says, Assert.Single(ran.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        }

        Assert.Equal([archive], Directory.GetFiles(folder.Path));
    }

    [Fact]
    public async Task Pack_says_what_it_made_of_what()
    {
        using TemporaryFolder folder = new();
        string archive = folder.File("m.halftone");
        Ran ran = await CommandLine.Run("pack", Bundled.Mobilenet, "-o", archive);
        Assert.Contains("planes", ran.Out, StringComparison.Ordinal);
        Assert.Contains($"wrote {archive}", ran.Out, StringComparison.Ordinal);
        Assert.Contains("times smaller", ran.Out, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(Bundled.Mobilenet), ModelArchive.Unpack(File.ReadAllBytes(archive)));
    }
}
