using Halftone.Onnx;

namespace Halftone.Engine.Tests.Dense;

/// <summary>A case of ONNX's own tests of operators.</summary>
/// <param name="Name">Folder and name.</param>
/// <param name="Model">The model.</param>
/// <param name="Folder">Where its inputs and outputs lie.</param>
internal sealed record NodeModel(string Name, Model Model, string Folder)
{
    private const string Debian = "/usr/share/libonnx-testdata/data";

    private static readonly Lazy<IReadOnlyList<NodeModel>> s_all = new(() => [.. Folders().Select(Load).OfType<NodeModel>()]);

    /// <summary>All cases that can be read; the test that asks is skipped where there are none.</summary>
    public static IReadOnlyList<NodeModel> All
    {
        get
        {
            Assert.SkipWhen(s_all.Value.Count == 0, "needs ../shared/data/onnx-node-tests or the Debian package libonnx-testdata, which are not here");
            return s_all.Value;
        }
    }

    /// <summary>Inputs by name.</summary>
    /// <exception cref="ModelException">One is no tensor of numbers.</exception>
    public Dictionary<string, Tensor> Inputs() => Read("input", Model.Graph.Inputs).Zip(Model.Graph.Inputs).ToDictionary(p => p.Second.Name, p => p.First);

    /// <summary>Outputs, in order.</summary>
    /// <exception cref="ModelException">One is no tensor of numbers.</exception>
    public Tensor[] Outputs() => Read("output", Model.Graph.Outputs);

    private Tensor[] Read(string kind, IReadOnlyList<ValueInfo> declared) =>
        [.. Enumerable.Range(0, Directory.Exists(Folder) ? Directory.GetFiles(Folder, $"{kind}_*.pb").Length : 0)
            .Select(i => Retyped(TensorFile.Read(Path.Combine(Folder, $"{kind}_{i}.pb")), declared[i].Type))];

    // older test sets store bfloat16 as uint16
    private static Tensor Retyped(Tensor tensor, ElementType declared) =>
        (tensor.Type, declared) is (ElementType.UInt16, ElementType.BFloat16) ? new Tensor(declared, tensor.Dims.AsSpan(), tensor.Bytes.ToArray()) : tensor;

    private static IEnumerable<string> Folders()
    {
        string?[] roots = [Paths.SharedOrNull("data/onnx-node-tests"), .. ((string[])["node", "simple", "pytorch-converted", "pytorch-operator"]).Select(f => Path.Combine(Debian, f))];
        return roots.Where(Directory.Exists).SelectMany(root => Directory.EnumerateDirectories(root!, "test_*").Order(StringComparer.Ordinal));
    }

    // models that Halftone refuses to read are the concern of other tests
    private static NodeModel? Load(string folder)
    {
        try
        {
            string name = $"{Path.GetFileName(Path.GetDirectoryName(folder))}/{Path.GetFileName(folder)}";
            return new NodeModel(name, Model.Load(Path.Combine(folder, "model.onnx")), Path.Combine(folder, "test_data_set_0"));
        }
        catch (ModelException)
        {
            return null;
        }
    }
}
