using System.Numerics;
using Halftone.Onnx;

namespace Halftone.Engine.Dense;

/// <summary>Makes a node ready for one type of number.</summary>
internal interface INumberPlan
{
    /// <summary>The plan for that type.</summary>
    DensePlan Plan<T>(DenseRequest request)
        where T : unmanaged, INumber<T>;
}

/// <summary>From the element type of a node's first input to the type of .NET.</summary>
internal static class NumberTypes
{
    /// <summary>The plan for the type of the first input.</summary>
    /// <exception cref="ModelException">It is no type of number that .NET computes with.</exception>
    public static DensePlan Plan<TPlan>(DenseRequest request, TPlan plan = default)
        where TPlan : struct, INumberPlan => request.Input(0).Element switch
        {
            ElementType.Float => plan.Plan<float>(request),
            ElementType.Double => plan.Plan<double>(request),
            ElementType.Float16 => plan.Plan<Half>(request),
            ElementType.Int8 => plan.Plan<sbyte>(request),
            ElementType.Int16 => plan.Plan<short>(request),
            ElementType.Int32 => plan.Plan<int>(request),
            ElementType.Int64 => plan.Plan<long>(request),
            ElementType.UInt8 => plan.Plan<byte>(request),
            ElementType.UInt16 => plan.Plan<ushort>(request),
            ElementType.UInt32 => plan.Plan<uint>(request),
            ElementType.UInt64 => plan.Plan<ulong>(request),
            var other => throw request.Refusal($"it does not compute with {other.OnnxName()}."),
        };

    /// <summary>Whether it is a type of floats.</summary>
    public static bool IsFloat<T>() => typeof(T) == typeof(float) || typeof(T) == typeof(double) || typeof(T) == typeof(Half);
}
