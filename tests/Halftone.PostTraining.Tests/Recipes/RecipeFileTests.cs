using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Recipes;

public sealed class RecipeFileTests
{
    public static TheoryData<string> Names => [.. RecipeFile.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Shipped_recipes_survive_writing_and_reading(string name)
    {
        string once = RecipeFile.Write(RecipeFile.Find(name));
        Assert.Equal(once, RecipeFile.Write(RecipeFile.Parse(once, name)));
        Assert.Equal(name, RecipeFile.Find(name).Name);
    }

    [Fact]
    public void A_recipe_with_everything_set_survives()
    {
        const string Text = """
            {
              "schema": 1, "name": "all", "title": "t", "source": "s", "mode": "static", "target": "tflite",
              "weights": { "method": "mse", "options": { "steps": 7 }, "bits": 4, "signed": true, "symmetric": true, "narrow": true, "reduceRange": true, "granularity": "network", "blockSize": 64, "minimumElements": 3 },
              "activations": { "range": "percentile", "options": { "percent": 99.9 }, "bits": 7, "signed": true, "symmetric": true, "reduceRange": true, "smallestScale": 0.25 },
              "operators": ["Conv", "Gemm"], // comments and a comma too many are fine
              "keepFloat": [{ "op": "Conv", "name": "^a", "place": "last", "reason": "r" }],
              "wideNodes": ["n"], "corrections": ["bias-correction"], "quantizeBias": false, "format": "q-operator",
            }
            """;
        Recipe recipe = RecipeFile.Parse(Text, "all.json");
        Recipe again = RecipeFile.Parse(RecipeFile.Write(recipe), "again.json");
        Assert.Equal(RecipeFile.Write(recipe), RecipeFile.Write(again));
        Assert.Equal((4, RecipeGranularity.Network, 64, 3), (again.Weights.Bits!.Value, again.Weights.Granularity!.Value, again.Weights.BlockSize, again.Weights.MinimumElements));
        Assert.Equal((7, 0.25, true), (again.Activations.Bits!.Value, again.Activations.SmallestScale!.Value, again.Activations.ReduceRange));
        Assert.Equal(new KeepFloat { Op = "Conv", Name = "^a", Place = "last", Reason = "r" }, Assert.Single(again.KeepFloat));
        Assert.Equal("n", Assert.Single(again.WideNodes));
        Assert.False(again.QuantizeBias);
    }

    // what is wrong, the line it stands in, and what the message must say
    public static TheoryData<string, int, string[]> Wrong => new()
    {
        { Line(3, "\"wieghts\": {}"), 3, ["'wieghts'", "'weights'"] },
        { Line(4, "\"weights\": { \"bitz\": 8 }"), 4, ["'bitz'", "'bits'"] },
        { Line(4, "\"activations\": { \"ranges\": \"min-max\" }"), 4, ["'ranges'", "'range'"] },
        { Line(3, "\"keepFloat\": [{ \"names\": \"a\" }]"), 3, ["'names'", "'name'"] },
        { Line(5, "\"weights\": { \"method\": \"round-to-nearst\" }"), 5, ["weights.method", "'round-to-nearst'", "'round-to-nearest'"] },
        { Line(5, "\"activations\": { \"range\": \"minmax\" }"), 5, ["activations.range", "'minmax'", "'min-max'"] },
        { Line(3, "\"target\": \"ort-x46\""), 3, ["target", "'ort-x46'", "'ort-x64'"] },
        { Line(3, "\"corrections\": [\"bias-corection\"]"), 3, ["corrections[0]", "'bias-correction'"] },
        { Line(3, "\"operators\": [\"Conv\", \"Gem\"]"), 3, ["operators[1]", "'Gem'", "'Gemm'"] },
        { Line(3, "\"weights\": { \"method\": \"mse\", \"options\": { \"stepz\": 3 } }"), 3, ["weights.options.stepz", "'steps'"] },
        { Line(3, "\"weights\": { \"method\": \"mse\",\n \"options\": {\n \"steps\": 0 } }"), 5, ["weights.options.steps", "('0')"] },
        { Line(3, "\"weights\": { \"method\": \"mse\", \"options\": { \"steps\": \"many\" } }"), 3, ["weights.options.steps", "\"many\"", "a whole number"] },
        { Line(3, "\"activations\": { \"options\": { \"percent\": 99 } }"), 3, ["activations.options", "'auto'"] },
        { Line(3, "\"weights\": { \"bits\": \"eight\" }"), 3, ["weights.bits", "\"eight\"", "a whole number"] },
        { Line(3, "\"weights\": { \"bits\": \"8\" }"), 3, ["weights.bits", "\"8\"", "a whole number"] },
        { Line(3, "\"weights\": { \"symmetric\": 1 }"), 3, ["weights.symmetric", "true or false"] },
        { Line(3, "\"weights\": 8"), 3, ["weights", "an object in braces"] },
        { Line(3, "\"operators\": \"Conv\""), 3, ["operators", "a list in brackets"] },
        { Line(3, "\"mode\": \"statik\""), 3, ["mode", "\"statik\"", "'static'"] },
        { Line(3, "\"weights\": { \"granularity\": \"chanel\" }"), 3, ["weights.granularity", "'channel'"] },
        { Line(3, "\"weights\": { \"bits\": 17 }"), 3, ["weights.bits", "17", "1 to 16"] },
        { Line(3, "\"weights\": { \"granularity\": \"network\", \"symmetric\": false }"), 3, ["weights.granularity", "symmetric"] },
        { Line(3, "\"keepFloat\": [{ \"op\": \"Conv\" },\n { \"name\": \"[\" }]"), 4, ["keepFloat[1].name"] },
        { Line(3, "\"keepFloat\": [{}]"), 3, ["keepFloat[0]", "neither"] },
        { Line(3, "\"keepFloat\": [{ \"place\": \"middle\" }]"), 3, ["keepFloat[0].place", "'first' or 'last'"] },
        { Line(3, "\"format\": \"float\""), 3, ["format", "undo"] },
        { Line(3, "\"title\": \"a\",\n\"title\": \"b\""), 4, ["'title'", "twice"] },
        { "{\n\"schema\": 2,\n\"name\": \"x\"\n}", 2, ["schema", "2", "reads 1"] },
        { "{\n\"schema\": 1\n}", 3, ["'name'", "missing"] },
        { "{ \"schema\": 1,\n\"name\": }", 2, ["not JSON"] },
        { "weights: 8", 1, ["not JSON"] },
        { "[]", 1, ["an object in braces"] },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_is_wrong_is_said_with_line_and_key(string text, int line, string[] parts)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => RecipeFile.Parse(text, "mine.json"));
        Assert.StartsWith($"Recipe 'mine.json', line {line}", error.Message, StringComparison.Ordinal);
        Assert.All(parts, p => Assert.Contains(p, error.Message, StringComparison.Ordinal));
        Assert.DoesNotContain("System.", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Halftone.PostTraining", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("(Parameter", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n")]
    [InlineData("null")]
    public void Nothing_is_no_recipe(string text) =>
        Assert.Contains("'mine.json'", Assert.Throws<ArgumentException>(() => RecipeFile.Parse(text, "mine.json")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_name_that_nobody_knows_leads_to_the_nearest() =>
        Assert.Contains("'ort-int8'", Assert.Throws<ArgumentException>(() => RecipeFile.Find("ort-int-8")).Message, StringComparison.Ordinal);

    // a valid recipe whose text puts something into a line
    private static string Line(int line, string what) => "{ \"schema\": 1, \"name\": \"x\"," + new string('\n', line - 1) + what + "\n}";
}
