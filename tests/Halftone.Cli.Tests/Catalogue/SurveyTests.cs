using System.Text.RegularExpressions;
using Halftone.Cli.Catalogue;

namespace Halftone.Cli.Tests.Catalogue;

/// <summary>The inventory against the survey's own text: every paper and every system that it names has an entry.</summary>
public sealed partial class SurveyTests
{
    private static readonly string[] s_named =
    [
        "Post-training float16 quantization", "Dynamic range quantization", "Full integer quantization", "Quantization-aware training", "Dynamic quantization", "Post-training static quantization",
        "TensorRT", "QNNPACK", "FBGEMM", "gemmlowp", "daBNN", "RipTide", "Bionic", "FSD", "Imagination", "Turning", "EIE", "YodaNN", "FINN", "BISMO", "Bit Fusion", "TrueNorth",
        "HashedNets", "ABC-Net", "LQ-Nets", "ACIQ", "PWLQ", "LAPQ", "QIL", "PACT", "SAWB", "LSQ", "DSQ", "VNQ", "BONN", "OCS", "DFQ", "KURE", "WRPN", "STE", "EBP", "IBC", "BFT",
        "BinaryConnect", "HWGQ", "BWN", "XNOR-Net", "DoReFa-Net", "TWN", "TTQ", "INQ", "Bi-Real Net", "HAWQ", "ZeroQ", "ReLeQ", "HAQ", "DNAS", "QSGD", "Terngrad", "WAGE",
    ];

    [Fact]
    public void Every_paper_of_the_survey_has_an_entry()
    {
        string survey = File.ReadAllText(Paths.Shared("survey.md"));
        string[] titles = [.. Title().Matches(survey).Select(m => m.Groups[1].Value).Where(t => t.All(c => c < 0x2E80)).Distinct()];
        Assert.True(titles.Length >= 85, $"the survey names {titles.Length} papers");
        string[] works =
        [
            .. Inventory.Load(Paths.InRepository("docs/inventory.json")).Entries
                .SelectMany(e => e.Work.TrimEnd(')').Split([" (first: ", "; "], StringSplitOptions.None)).Select(Letters).Where(w => w.Length > 0).Distinct(),
        ];
        // a few letters apart: the survey has slips of the pen ("Nerual"), and some titles changed between versions ("Convolutional", "Convolution")
        string[] missing = [.. titles.Where(t => !works.Any(w => Distance(Letters(t), w) <= 1 + (w.Length / 10)))];
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_system_that_the_survey_names_has_an_entry()
    {
        string survey = File.ReadAllText(Paths.Shared("survey.md"));
        Inventory inventory = Inventory.Load(Paths.InRepository("docs/inventory.json"));
        Assert.All(s_named, n => Assert.Contains(n, survey, StringComparison.OrdinalIgnoreCase));
        string[] texts = [.. inventory.Entries.Select(e => Letters($"{e.Title} {e.Work} {e.Id}"))];
        string[] missing = [.. s_named.Where(n => n is not "Turning" && !texts.Any(t => t.Contains(Letters(n.Replace("Post-training ", "", StringComparison.Ordinal)), StringComparison.Ordinal)))];
        Assert.Empty(missing);
        Assert.Contains(inventory.Entries, e => e.Title.Contains("Turing", StringComparison.Ordinal)); // which the survey spells otherwise
    }

    private static string Letters(string text) => string.Concat(text.Where(char.IsLetterOrDigit)).ToLowerInvariant();

    // Levenshtein's
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            (int corner, row[0]) = (row[0], i);
            for (int j = 1; j <= b.Length; j++)
            {
                (corner, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, corner + (a[i - 1] == b[j - 1] ? 0 : 1)));
            }
        }

        return row[^1];
    }

    [GeneratedRegex("《([^》]+)》")]
    private static partial Regex Title();
}
