using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Dense.Linear;

/// <summary>What neighbouring outputs see of a row of floats, eight of them at a time.</summary>
internal readonly unsafe struct RowWindow(Window window)
{
    /// <summary>Outputs at a time.</summary>
    public const int Outputs = 8;

    private readonly int _before = window.Before[2];
    private readonly int _stride = window.Stride[2];
    private readonly int _dilation = window.Dilation[2];
    private readonly int _width = window.Input[2];

    /// <summary>Whether this machine and these strides allow it.</summary>
    public bool IsVector => Avx2.IsSupported && _stride <= 2;

    /// <summary>Elements from a tap to the next.</summary>
    public int Dilation => _dilation;

    /// <summary>The first tap of an output within its row; before or past it where it is beyond.</summary>
    public int At(int output) => (output * _stride) - _before;

    /// <summary>Whether eight outputs see nothing beyond the row.</summary>
    /// <param name="at">The first tap of the first.</param>
    /// <param name="taps">Taps.</param>
    public bool IsInside(int at, int taps) => at >= 0 && at + ((taps - 1) * _dilation) <= _width - (_stride * Outputs);

    /// <summary>What eight see through a tap, where that is inside the row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Load(float* at)
    {
        Vector256<float> first = Vector256.Load(at);
        return _stride == 1 ? first : EveryOther(first, Vector256.Load(at + Outputs));
    }

    /// <summary>What eight see through a tap: 0 beyond the row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="at">Where in it the first sees through the tap.</param>
    /// <param name="inside">All bits of an element that is not beyond it.</param>
    public Vector256<float> Load(float* row, int at, out Vector256<int> inside)
    {
        Vector256<float> left = Masked(row, at, out inside);
        if (_stride == 1)
        {
            return left;
        }

        Vector256<float> right = Masked(row, at + Outputs, out Vector256<int> rightInside);
        inside = EveryOther(inside.AsSingle(), rightInside.AsSingle()).AsInt32();
        return EveryOther(left, right);
    }

    /// <summary>Stores outputs; those past the last of a row are left out.</summary>
    public static void Store(Vector256<float> values, float* row, int output, int outputs)
    {
        if (output <= outputs - Outputs)
        {
            values.Store(row + output);
        }
        else
        {
            Avx.MaskStore(row + output, Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(outputs - output)).AsSingle(), values);
        }
    }

    /// <summary>Where the next eight begin: the last of a row end with it, if there are eight.</summary>
    public static int Next(int output, int outputs)
    {
        int next = output + Outputs;
        return next < outputs && next > outputs - Outputs ? outputs - Outputs : next;
    }

    private Vector256<float> Masked(float* row, int at, out Vector256<int> inside)
    {
        Vector256<int> places = Vector256<int>.Indices + Vector256.Create(at);
        inside = Vector256.GreaterThan(places, Vector256.Create(-1)) & Vector256.LessThan(places, Vector256.Create(_width));
        return Avx.MaskLoad(row + at, inside.AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> EveryOther(Vector256<float> first, Vector256<float> second) =>
        Avx2.Permute4x64(Avx.Shuffle(first, second, 0b10_00_10_00).AsDouble(), 0b11_01_10_00).AsSingle();
}
