using Halftone.Engine.Aot;
using Halftone.Onnx;

if (args.Length != 1)
{
    Console.Error.WriteLine("Usage: Halftone.Engine.Aot MODEL.onnx");
    return 2;
}

try
{
    Console.WriteLine(Checksum.Of(args[0]));
    return 0;
}
catch (ModelException error)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}
