using Halftone.Engine.Bench.Layers;
using Halftone.Engine.Bench.Networks;
using Halftone.Engine.Bench.Peers;
using Halftone.Onnx;
using Halftone.OnnxRuntime;

ILayer[] layers = [new ConvLayer(new(9, 7, 3, 16, 7, 2, 3, 1), 5), new ConvLayer(new(9, 7, 32, 20, 3, 1, 1, 1), 5), new ConvLayer(new(9, 7, 32, 32, 3, 2, 1, 32), 5), new ConvLayer(new(9, 7, 16, 40, 1, 2, 0, 1), 5), new ProductLayer(new(5, 24, 33), 5)];
foreach (ILayer l in layers)
{
    using OneDnn d = l is ConvLayer c ? OneDnn.Convolution(c, 1) : OneDnn.Product((ProductLayer)l, 1);
    using var o = new OrtPeer("ort", l.ToModel(), new Dictionary<string, Tensor> { ["x"] = l.Input }, 1);
    byte[] e = l.Expected();
    Console.WriteLine($"{l.Name} {d.Output().Bytes.SequenceEqual(e)} {o.Output().Bytes.SequenceEqual(e)} zeros {e.Count(x => x == 0)} top {e.Count(x => x == 255)} of {e.Length}");
    string f = "/tmp/opt.onnx";
    OrtSession.Load(l.ToModel(), new OrtOptions { SaveOptimizedTo = f }).Dispose();
    Console.WriteLine(string.Join(" ", Model.Load(f).Graph.Nodes.Select(n => n.Op)));
}
_ = Network.All;
