using System.Text.Json;
using System.Text.Json.Serialization;

namespace Halftone.PostTraining.Recipes;

/// <summary>A method in a list of steps: in JSON its id, or an object with its id as the one key and its options as the value.</summary>
/// <param name="Id">Id of the method.</param>
/// <param name="Options">Its options; null for the defaults.</param>
[JsonConverter(typeof(MethodStepConverter))]
public sealed record MethodStep(string Id, JsonElement? Options = null)
{
    /// <summary>The method with its default options.</summary>
    public static implicit operator MethodStep(string id) => new(id);

    /// <summary>The method with default options.</summary>
    public static MethodStep FromString(string id) => id;

    /// <summary>The method that a list has of that id, with these options.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    /// <exception cref="JsonException">An option does not fit.</exception>
    public T From<T>(MethodList<T> list)
        where T : class => list.Find(Id).FromOptions(Options ?? RecipeCheck.Empty);

    /// <summary>The id, and the options where there are any, as a command line writes them.</summary>
    public override string ToString() => Options is { } given && given.EnumerateObject().Any()
        ? $"{Id}:{string.Join(',', given.EnumerateObject().Select(o => $"{o.Name}={o.Value}"))}" : Id;
}

internal sealed class MethodStepConverter : JsonConverter<MethodStep>
{
    public override MethodStep Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var json = JsonElement.ParseValue(ref reader);
        return json.ValueKind switch
        {
            JsonValueKind.String => new MethodStep(json.GetString()!),
            JsonValueKind.Object when json.GetPropertyCount() == 1 && json.EnumerateObject().First() is var step => new MethodStep(step.Name, step.Value),
            _ => throw new JsonException(), // .NET adds the path, and that the value could not be converted
        };
    }

    public override void Write(Utf8JsonWriter writer, MethodStep value, JsonSerializerOptions options)
    {
        if (value.Options is not { } given)
        {
            writer.WriteStringValue(value.Id);
            return;
        }

        writer.WriteStartObject();
        writer.WritePropertyName(value.Id);
        given.WriteTo(writer);
        writer.WriteEndObject();
    }
}
