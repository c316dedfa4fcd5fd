namespace Halftone.Onnx;

/// <summary>How the payload of a tensor is coded in an archive.</summary>
public enum PayloadCode
{
    /// <summary>As it is.</summary>
    Raw,

    /// <summary>Codes of 2, 4, 8 or 16 bits under a Huffman code of their own.</summary>
    Huffman,

    /// <summary>Wide elements byte by byte: each place in the element has a Huffman code of its own.</summary>
    Planes,

    /// <summary>Relative gaps, and the elements that are not the background.</summary>
    Sparse,

    /// <summary>Seed and number of buckets of the hash whose indices these are.</summary>
    Hashed,

    /// <summary>Floats whose second half is the first with the other sign.</summary>
    Mirrored,

    /// <summary>Brotli (RFC 7932).</summary>
    Brotli,
}
