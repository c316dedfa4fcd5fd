using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Data;

/// <summary>One sample, ready for the model.</summary>
/// <param name="Inputs">By input name, with the model's element types; the first axis is the batch, of length 1 unless the model fixes another.</param>
public sealed record Sample(ImmutableDictionary<string, Tensor> Inputs)
{
    /// <summary>Class, from 0; null where the data has none.</summary>
    public int? Label { get; init; }

    /// <summary>What the model should give: values to regress, a larger image, token ids with -1 where there is nothing to predict; null where the data has none.</summary>
    public Tensor? Target { get; init; }

    /// <summary>File, or file and position.</summary>
    public string Name { get; init; } = "";

    /// <summary>Whether a carried state starts anew, from the zeros in <see cref="Inputs"/>, at this sample.</summary>
    public bool StartsSequence { get; init; } = true;
}

/// <summary>Samples by number. Reading is safe from several threads and gives the same sample each time.</summary>
public interface IDataSet
{
    /// <summary>What it is, in one line: "10000 IDX images, 28 x 28, from ...".</summary>
    string Description { get; }

    /// <summary>Number of samples.</summary>
    int Count { get; }

    /// <summary>Whether samples have classes.</summary>
    bool HasLabels { get; }

    /// <summary>Names of the classes, by number; empty where unknown.</summary>
    ImmutableArray<string> ClassNames { get; }

    /// <summary>The model inputs it was opened for; empty where it knows none.</summary>
    IReadOnlyList<ValueInfo> Inputs => [];

    /// <summary>Output name to input name: what a runner carries from one sample to the next. Empty for most models.</summary>
    ImmutableDictionary<string, string> StateLinks => ImmutableDictionary<string, string>.Empty;

    /// <summary>Reads a sample.</summary>
    /// <exception cref="DataException">Its file is missing or corrupt, or does not fit the model's input.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sample.</exception>
    Sample Read(int index);
}
