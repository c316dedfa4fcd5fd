using System.Text.Json;
using System.Text.Json.Serialization;

namespace Halftone.Ranges;

/// <summary>A range method in JSON: its id, or an object with the id as its one key and the options as its value.</summary>
internal sealed class RangeMethodConverter : JsonConverter<IRangeMethod>
{
    public override IRangeMethod Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var json = JsonElement.ParseValue(ref reader);
        if (json.ValueKind == JsonValueKind.String)
        {
            return RangeMethods.All.Find(json.GetString()!).Default;
        }

        if (json.ValueKind != JsonValueKind.Object || json.GetPropertyCount() != 1)
        {
            throw new JsonException("A range method is its id, or an object with its id as the one key and its options as the value.");
        }

        JsonProperty method = json.EnumerateObject().First();
        return RangeMethods.All.Find(method.Name).FromOptions(method.Value);
    }

    public override void Write(Utf8JsonWriter writer, IRangeMethod value, JsonSerializerOptions options)
    {
        Type type = value.GetType();
        writer.WriteStartObject();
        writer.WritePropertyName(RangeMethods.All.All.Single(e => e.Type == type).Info.Id);
        JsonSerializer.Serialize(writer, value, MethodOptions.Default.GetTypeInfo(type)!);
        writer.WriteEndObject();
    }
}
