using System.Text.RegularExpressions;
using System.Xml.Linq;
using Halftone.Cli.Catalogue;

namespace Halftone.Cli.Tests;

/// <summary>What holds for the repository as a whole.</summary>
public sealed partial class RepositoryTests
{
    // a room may refer to rooms of lower floors
    private static readonly Dictionary<string, int> s_floors = new()
    {
        ["Halftone.Core"] = 0,
        ["Halftone.Onnx"] = 1,
        ["Halftone.Data"] = 2, // beside Onnx, whose tensors are its samples
        ["Halftone.OnnxRuntime"] = 3,
        ["Halftone.Engine"] = 3,
        ["Halftone.Training"] = 3,
        ["Halftone.Hardware"] = 3,
        ["Halftone.Gradients"] = 3,
        ["Halftone.PostTraining"] = 4,
        ["Halftone.MixedPrecision"] = 5,
        ["Halftone.Reports"] = 6,
        ["Halftone.Cli"] = 7,
        ["Halftone.Training.Cli"] = 7,
    };

    // where a package may be named; what is not here may be named anywhere
    private static readonly Dictionary<string, string[]> s_homes = new()
    {
        ["Microsoft.ML.OnnxRuntime"] = ["Halftone.OnnxRuntime"],
        ["TorchSharp"] = ["Halftone.Training"],
        ["Iced"] = ["Halftone.Engine"],
        ["Google.Protobuf"] = ["Halftone.Onnx"],
        ["SkiaSharp"] = ["Halftone.Data"],
        ["System.CommandLine"] = ["Halftone.Cli", "Halftone.Training.Cli"],
        ["Spectre.Console"] = ["Halftone.Cli", "Halftone.Training.Cli"],
    };

    // files that may be long, each with a reason
    private static readonly string[] s_long = [];

    [Fact]
    public void Rooms_refer_downwards_only()
    {
        foreach ((string room, XDocument project) in Rooms())
        {
            Assert.True(s_floors.TryGetValue(room, out int floor), $"{room} has no floor; give it one here.");
            foreach (string other in Names(project, "ProjectReference").Select(p => Path.GetFileNameWithoutExtension(p)!))
            {
                Assert.True(s_floors[other] < floor, $"{room} refers to {other}, which is not below it.");
            }

            if (room == "Halftone.Engine")
            {
                Assert.Empty(Names(project, "ProjectReference").Select(p => Path.GetFileNameWithoutExtension(p)!).Except(["Halftone.Core", "Halftone.Onnx"]));
            }
        }
    }

    [Fact]
    public void Packages_are_named_where_they_live()
    {
        foreach ((string room, XDocument project) in Rooms())
        {
            foreach (string package in Names(project, "PackageReference"))
            {
                Assert.True(!s_homes.TryGetValue(package, out string[]? homes) || homes.Contains(room), $"{room} names {package}, which lives in {string.Join(", ", homes ?? [])}.");
            }
        }
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        string solution = File.ReadAllText(Paths.InRepository("Halftone.slnx"));
        IEnumerable<string> projects = ((string[])["src", "tests"]).SelectMany(f => Directory.GetFiles(Paths.InRepository(f), "*.csproj", SearchOption.AllDirectories));
        Assert.All(projects, p => Assert.Contains(Path.GetFileName(p), solution, StringComparison.Ordinal));
    }

    [Fact]
    public void Files_stay_short_and_finished()
    {
        string[] files = [.. Sources()];
        Assert.NotEmpty(files);
        foreach (string file in files)
        {
            string name = Path.GetRelativePath(Paths.Repository, file).Replace('\\', '/');
            string[] lines = File.ReadAllLines(file);
            Assert.True(lines.Length <= 500 || s_long.Contains(name), $"{name} has {lines.Length} lines; split it.");
            int bad = Array.FindIndex(lines, l => Unfinished().IsMatch(l));
            Assert.True(bad < 0, $"{name}:{bad + 1} holds a region or a note of something unfinished.");
        }
    }

    [Fact]
    public void The_inventory_holds_every_entry_of_the_catalogue()
    {
        Inventory inventory = Inventory.Load(Paths.InRepository("docs/inventory.json"));
        HashSet<string> held = [.. inventory.Entries.SelectMany(e => e.Catalogue)];
        string[] required = [.. File.ReadAllLines(Paths.InRepository("docs/catalogue-ids.txt")).Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split(' ')[0])];
        Assert.True(required.Length >= 100);
        Assert.Empty(required.Except(held));
        Assert.Empty(held.Except(required));
    }

    [Fact]
    public void The_inventory_is_in_order()
    {
        Inventory inventory = Inventory.Load(Paths.InRepository("docs/inventory.json"));
        Assert.True(inventory.Entries.Length >= 120);
        Assert.Equal(inventory.Entries.Length, inventory.Entries.DistinctBy(e => e.Id).Count());
        Assert.All(inventory.Entries, e =>
        {
            Assert.Contains(e.Section, inventory.Sections.Select(s => s.Id));
            Assert.Contains(e.Room, s_floors.Keys);
            Assert.All(e.ImplementedBy, r => Assert.Contains(r.Split(':')[0], References.Kinds));
        });
    }

    [Fact]
    public void An_entry_is_done_only_when_all_that_holds_it_exists()
    {
        InventoryEntry entry = new("x", "X", "W", "P", 2020, "2", "Halftone.Core", [], ["method:a", "recipe:b"]);
        Assert.True(entry.IsDone(_ => true));
        Assert.False(entry.IsDone(r => r == "method:a"));
        Assert.False((entry with { ImplementedBy = [] }).IsDone(_ => true));
        Assert.True(References.Exists("type:Halftone.Numerics.IntegerGrid"));
        Assert.False(References.Exists("type:Halftone.Numerics.NoSuchThing"));
        Assert.False(References.Exists("method:no-such-method"));
        Assert.Throws<ArgumentException>(() => References.Exists("nothing"));
    }

    [Fact]
    public void The_page_of_methods_is_up_to_date()
    {
        string path = Paths.InRepository("docs/methods.md");
        string page = Inventory.Load(Paths.InRepository("docs/inventory.json")).ToPage(References.Exists);
        if (Environment.GetEnvironmentVariable("HALFTONE_GOLDEN") == "accept")
        {
            File.WriteAllText(path, page);
        }

        Assert.True(File.ReadAllText(path) == page, "docs/methods.md is stale: run ./build.sh docs");
    }

    private static IEnumerable<(string Room, XDocument Project)> Rooms() =>
        Directory.GetFiles(Paths.InRepository("src"), "*.csproj", SearchOption.AllDirectories).Select(f => (Path.GetFileNameWithoutExtension(f)!, XDocument.Load(f)));

    private static IEnumerable<string> Names(XDocument project, string kind) =>
        project.Descendants(kind).Select(r => (string)r.Attribute("Include")!.Value.Replace('\\', '/'));

    private static IEnumerable<string> Sources() =>
        ((string[])["src", "tests", "bench", "samples", "build"]).Select(Paths.InRepository).Where(Directory.Exists)
            .SelectMany(f => Directory.EnumerateFiles(f, "*.cs", SearchOption.AllDirectories))
            .Where(f => !f.Replace('\\', '/').Contains("/obj/", StringComparison.Ordinal) && !f.EndsWith(".g.cs", StringComparison.Ordinal));

    // built from parts, so that this line does not find itself
    [GeneratedRegex("^\\s*#" + "region|\\bTO" + "DO\\b|\\bFIX" + "ME\\b|NotImplemented" + "Exception")]
    private static partial Regex Unfinished();
}
