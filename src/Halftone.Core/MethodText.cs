using System.Text.Json;
using System.Text.Json.Nodes;

namespace Halftone;

/// <summary>A method as a command line writes it: its id, after which options may stand: <c>psnr:border=4,peak=255</c>.</summary>
public static class MethodText
{
    /// <summary>The id and the options, as a recipe would hold them.</summary>
    /// <exception cref="ArgumentException">An option has no value or no name.</exception>
    public static (string Id, JsonElement Options) Split(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        JsonObject options = [];
        foreach (string option in colon < 0 ? [] : text[(colon + 1)..].Split(','))
        {
            if (option.Split('=') is not [{ Length: > 0 } name, { Length: > 0 } value])
            {
                throw new ArgumentException($"'{text}' is not understood: after the colon, options stand as name=value with commas between, not '{option}'.");
            }

            options[name.Trim()] = Value(value.Trim());
        }

        return (colon < 0 ? text : text[..colon], JsonElement.Parse(options.ToJsonString()));
    }

    private static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text); // a number, true, false
        }
        catch (JsonException)
        {
            return text;
        }
    }
}
