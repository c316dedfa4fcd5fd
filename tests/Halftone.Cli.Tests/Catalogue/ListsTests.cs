using System.Text.Json;
using Halftone.Cli.Catalogue;
using Halftone.Cli.Commands;

namespace Halftone.Cli.Tests.Catalogue;

public sealed class ListsTests
{
    private enum Side
    {
        Left,
        RightHand,
    }

    [Fact]
    public void Options_show_as_recipes_write_them()
    {
        MethodLine line = Assert.Single(Lists.Of(List()));
        Assert.Equal(("toy method", "toy", "A toy", "nobody, 2020"), (line.Kind, line.Id, line.Title, line.Paper));
        Assert.Equal(
            [new MethodOption("share", "number", "0.25"), new MethodOption("steps", "integer or nothing", null), new MethodOption("side", "left|rightHand", "rightHand")],
            line.Options);
    }

    [Fact]
    public void A_misspelt_method_is_answered_with_the_nearest()
    {
        using StringWriter output = new();
        Terminal terminal = new(output, output, json: true, Verbosity.Normal);
        MethodLine[] methods = [.. Lists.Of(List())];
        ArgumentException error = Assert.Throws<ArgumentException>(() => Methods.Run(methods, "toi", terminal));
        Assert.Contains("'toy'", error.Message, StringComparison.Ordinal);
        Methods.Run(methods, "toy", terminal);
        using JsonDocument json = JsonDocument.Parse(output.ToString());
        Assert.Equal("toy", json.RootElement[0].GetProperty("id").GetString());
    }

    [Fact]
    public void No_id_is_used_twice_in_a_kind() =>
        Assert.Equal(Lists.Methods.Length, Lists.Methods.DistinctBy(m => (m.Kind, m.Id)).Count());

    [Fact]
    public void Recipes_are_embedded_whole_and_say_what_they_are()
    {
        string folder = Paths.InRepository("recipes");
        string[] files = Directory.Exists(folder) ? [.. Directory.GetFiles(folder, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal)] : [];
        Assert.Equal(files, EmbeddedRecipes.All.Select(r => r.Name));
        Assert.All(EmbeddedRecipes.All, r => Assert.NotEmpty(r.Title));
        Assert.Equal(new RecipeLine("x", "T", "S"), EmbeddedRecipes.Line("x", """{ "title": "T", "source": "S" }"""));
    }

    private static MethodList<Toy> List() => new("toy method", new MethodEntry<Toy>(new MethodInfo("toy", "A toy", "nobody, 2020"), typeof(Toy), _ => new Toy()));

    private sealed record Toy
    {
        public double Share { get; init; } = 0.25;

        public int? Steps { get; init; }

        public Side Side { get; init; } = Side.RightHand;

        public int Twice => 2 * (Steps ?? 1); // no option: nobody can set it
    }
}
