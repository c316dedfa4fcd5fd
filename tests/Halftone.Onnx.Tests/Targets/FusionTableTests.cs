namespace Halftone.Onnx.Tests.Targets;

public sealed class FusionTableTests(ITestOutputHelper output)
{
    [Fact]
    public void Print()
    {
        foreach (string pattern in FusionPatterns.All.Keys)
        {
            foreach (bool signed in (bool[])[false, true])
            {
                foreach (bool int8 in signed ? (bool[])[false, true] : [false])
                {
                    string result;
                    try
                    {
                        result = string.Join(" ", Ort.Optimized(FusionPatterns.All[pattern](signed), int8));
                    }
                    catch (Exception e)
                    {
                        result = e.Message;
                    }

                    output.WriteLine($"{pattern,-34} {(signed ? int8 ? "s8!" : "s8" : "u8"),-3} {result}");
                }
            }
        }
    }
}
