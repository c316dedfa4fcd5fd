using Halftone.Engine.Kernels.Pointwise;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Pointwise;

public sealed unsafe class ResizeTests
{
    private static readonly Dictionary<ResizeCoordinates, string> s_coordinates = new()
    {
        [ResizeCoordinates.HalfPixel] = "half_pixel",
        [ResizeCoordinates.PytorchHalfPixel] = "pytorch_half_pixel",
        [ResizeCoordinates.Asymmetric] = "asymmetric",
        [ResizeCoordinates.AlignCorners] = "align_corners",
        [ResizeCoordinates.HalfPixelSymmetric] = "half_pixel_symmetric",
    };

    private static readonly Dictionary<ResizeNearestMode, string> s_modes = new()
    {
        [ResizeNearestMode.RoundPreferFloor] = "round_prefer_floor",
        [ResizeNearestMode.RoundPreferCeil] = "round_prefer_ceil",
        [ResizeNearestMode.Floor] = "floor",
        [ResizeNearestMode.Ceil] = "ceil",
    };

    private sealed record Case(int Channels, int Height, int Width, float Vertical, float Horizontal, ResizeCoordinates Coordinates, int Border, int Seed)
    {
        public ResizeAxis Rows => new(Coordinates, Height, (int)(Height * Vertical), Vertical);

        public ResizeAxis Columns => new(Coordinates, Width, (int)(Width * Horizontal), Horizontal);
    }

    private static readonly Gen<float> s_scale = Gen.OneOf(Gen.Int[1, 4].Select(i => (float)i), Gen.Const(0.5f), Gen.Float[0.4f, 3.5f], Gen.Select(Gen.Int[1, 20], Gen.Int[1, 20]).Select((a, b) => Math.Clamp((float)a / b, 0.3f, 4)));

    private static readonly Gen<Case> s_case = Gen.Select(
        Gen.Select(Gen.Int[1, 70], Gen.Int[1, 10], Gen.Int[1, 20]), s_scale, s_scale, Key(s_coordinates), Gen.Int[0, 2], Gen.Int[0, 1000],
        (shape, vertical, horizontal, coordinates, border, seed) =>
            new Case(shape.Item1, shape.Item2, shape.Item3, vertical, horizontal, coordinates, border, seed))
        .Where(c => c.Rows.Output > 0 && c.Columns.Output > 0);

    [Fact]
    public void Nearest_neighbours_equal_those_of_ONNX_Runtime() => Gen.Select(s_case, Key(s_modes)).Sample(
        (c, mode) => Check(c, Ort.Plain("Resize").With("mode", "nearest").With("nearest_mode", s_modes[mode]), (x, y, first, last) =>
            ResizeNearest.Run(c.Rows.Nearest(mode), c.Columns.Nearest(mode), x.Origin, x.Layout, y.Origin, y.Layout, first, last)),
        iter: 200);

    [Fact]
    public void Linear_interpolation_equals_that_of_ONNX_Runtime() => s_case.Sample(
        c => Check(c, Ort.Plain("Resize").With("mode", "linear"), (x, y, first, last) =>
            ResizeLinear.Run(c.Rows.Linear(), c.Columns.Linear(), x.Origin, x.Layout, y.Origin, y.Layout, first, last)),
        iter: 200);

    private static Gen<T> Key<T>(Dictionary<T, string> names)
        where T : notnull => Gen.Int[0, names.Count - 1].Select(i => names.Keys.ElementAt(i));

    private static void Check(Case c, Node node, Action<TestImage, TestImage, int, int> run)
    {
        var random = new Random(c.Seed);
        using var x = new TestImage(c.Height, c.Width, c.Channels, c.Border, random);
        using var y = new TestImage(c.Rows.Output, c.Columns.Output, c.Channels, c.Border, random);
        Tensor image = Ort.Bytes(x.Planes, 1, c.Channels, c.Height, c.Width);
        Tensor scales = Tensor.Of([1f, 1f, c.Vertical, c.Horizontal], 4);
        byte[] expected = Ort.Run(
            node.With("coordinate_transformation_mode", s_coordinates[c.Coordinates]), [image, null, scales], ElementType.UInt8, i => i == 0).Bytes.ToArray();
        int split = random.Next(c.Rows.Output + 1);
        run(x, y, 0, split);
        run(x, y, split, c.Rows.Output);
        Assert.Equal(expected, y.Planes);
        y.AssertBorderUntouched();
    }
}
