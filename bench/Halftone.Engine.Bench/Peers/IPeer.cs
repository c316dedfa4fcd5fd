using Halftone.Onnx;

namespace Halftone.Engine.Bench.Peers;

/// <summary>Something that computes, to be timed beside others.</summary>
internal interface IPeer
{
    /// <summary>What it is called in the table.</summary>
    string Name { get; }

    /// <summary>Computes once.</summary>
    void Run();
}

/// <summary>A peer whose results can be looked at, so that nobody is fast by computing something else.</summary>
internal interface ICheckedPeer : IPeer, IDisposable
{
    /// <summary>The first output of the latest run.</summary>
    Tensor Output();
}
