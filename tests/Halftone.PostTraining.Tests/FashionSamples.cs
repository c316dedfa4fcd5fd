using Halftone.Data;
using Halftone.Onnx;

namespace Halftone.PostTraining.Tests;

/// <summary>The networks and pictures that ship with the repository.</summary>
internal static class FashionSamples
{
    public static Model Load(string name) => Model.Load(Paths.InRepository($"samples/{name}.onnx"));

    public static IDataSet Calibration(int count) => First("calib", count);

    public static IDataSet Test(int count) => First("test", count);

    private static DataSubset First(string part, int count)
    {
        IDataSet all = DataSets.Open(
            Paths.InRepository($"samples/fashion-mnist/{part}-images-idx3-ubyte.gz"),
            Load("fashion_resnet").Graph.Inputs,
            new DataOptions { Preprocessing = Preprocessing.Parse(Paths.InRepository("samples/preprocessing.json")) });
        return new DataSubset(all, [.. Enumerable.Range(0, count)]);
    }
}
