namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>One float: the end of a row, and machines without vectors.</summary>
internal readonly unsafe struct Lane(float value) : ILanes<Lane>
{
    private readonly float _value = value;

    public static int Count => 1;

    public static Lane All(float value) => new(value);

    public static Lane Load(byte* from) => new(*from);

    public static Lane Load(float* from) => new(*from);

    public static Lane Load(int* sums, int* columns, int factor) => new(unchecked(*sums - (*columns * factor)));

    public static Lane operator +(Lane a, Lane b) => new(a._value + b._value);

    public static Lane operator -(Lane a, Lane b) => new(a._value - b._value);

    public static Lane operator *(Lane a, Lane b) => new(a._value * b._value);

    public static Lane operator /(Lane a, Lane b) => new(a._value / b._value);

    public static Lane MultiplyAdd(Lane a, Lane b, Lane c) => new(MathF.FusedMultiplyAdd(a._value, b._value, c._value));

    public static Lane Clamp(Lane value, Lane least, Lane most)
    {
        float above = value._value > least._value ? value._value : least._value; // not MathF.Max: NaN becomes the bound
        return new(above < most._value ? above : most._value);
    }

    public static Lane Round(Lane value) => new(MathF.Round(value._value));

    public static Lane Truncate(Lane value) => new(MathF.Truncate(value._value));

    public static void Store(byte* to, Lane value) => *to = (byte)MathF.Round(value._value);

    public static void Store(float* to, Lane value) => *to = value._value;
}
