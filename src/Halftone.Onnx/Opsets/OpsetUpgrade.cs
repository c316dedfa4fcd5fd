namespace Halftone.Onnx.Opsets;
/// <summary>stub</summary>
public static class OpsetUpgrade
{
    /// <summary>stub</summary>
    public static Model To(Model model, int opset)
    {
        Model m = model.Clone();
        if (m.Opset < opset)
        {
            m.Opset = opset;
            m.IrVersion = Math.Max(m.IrVersion, 10);
        }

        return m;
    }
}
