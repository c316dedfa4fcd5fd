using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Data.Sources;

/// <summary>ONNX test sets: folders <c>test_data_set_N</c> with <c>input_K.pb</c> in the order of the model's inputs; <c>output_0.pb</c> is the target.</summary>
internal sealed class TensorSets : IDataSet
{
    private readonly string _path;
    private readonly ImmutableArray<string> _folders;

    /// <exception cref="DataException">There are no such folders.</exception>
    public TensorSets(string path, IReadOnlyList<ValueInfo> inputs, ImmutableDictionary<string, string> links)
    {
        _path = path;
        _folders = Folders(path);
        Inputs = inputs;
        StateLinks = links;
    }

    /// <inheritdoc/>
    public string Description => $"{Count} tensor sets of '{_path}'";

    /// <inheritdoc/>
    public int Count => _folders.Length;

    /// <inheritdoc/>
    public bool HasLabels => false;

    /// <inheritdoc/>
    public ImmutableArray<string> ClassNames => [];

    /// <inheritdoc/>
    public IReadOnlyList<ValueInfo> Inputs { get; }

    /// <inheritdoc/>
    public ImmutableDictionary<string, string> StateLinks { get; }

    /// <summary>The folders of sets at a path, by number; none where there are none.</summary>
    public static ImmutableArray<string> Folders(string path) =>
        !Directory.Exists(path) ? []
        : File.Exists(Path.Combine(path, "input_0.pb")) ? [path]
        : [.. Directory.EnumerateDirectories(path, "test_data_set_*").Where(f => Number(f) >= 0).OrderBy(Number)];

    /// <inheritdoc/>
    public Sample Read(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        string folder = _folders[index];
        ImmutableDictionary<string, Tensor>.Builder tensors = ImmutableDictionary.CreateBuilder<string, Tensor>();
        for (int i = 0; i < Inputs.Count; i++)
        {
            string file = Path.Combine(folder, $"input_{i}.pb");
            if (!File.Exists(file) && StateLinks.ContainsValue(Inputs[i].Name))
            {
                tensors[Inputs[i].Name] = InputShape.Zeros(Inputs[i]);
                continue;
            }

            Tensor tensor = Tensor(file);
            tensors[Inputs[i].Name] = InputShape.Misfit(Inputs[i], tensor, file) is { } misfit ? throw new DataException(misfit) : tensor;
        }

        string output = Path.Combine(folder, "output_0.pb");
        return new Sample(tensors.ToImmutable()) { Name = folder, Target = File.Exists(output) ? Tensor(output) : null, StartsSequence = StateLinks.IsEmpty || index == 0 };
    }

    private static Tensor Tensor(string file)
    {
        try
        {
            return TensorFile.Read(file);
        }
        catch (Exception error) when (error is ModelException or IOException or UnauthorizedAccessException)
        {
            throw new DataException(error is ModelException ? error.Message : $"'{file}' cannot be read: {error.Message}", error);
        }
    }

    private static int Number(string folder) => int.TryParse(Path.GetFileName(folder)["test_data_set_".Length..], out int number) ? number : -1;
}
