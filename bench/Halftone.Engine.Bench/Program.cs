using Halftone.Engine.Bench.Networks;
using Halftone.Onnx;

var models = new BenchModels("/tmp/he/artifacts/bench-models", 1);
foreach (Network network in Network.All.OrderBy(n => n.Size))
{
    foreach (string form in BenchModels.Forms)
    {
        string path = models.PathOf(network, form);
        Console.WriteLine(path);
        if (form != "f32")
        {
            Console.WriteLine(ModelReport.Of(network, Model.Load(path), 32));
        }
    }
}
