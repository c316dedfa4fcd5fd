using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Kernels.Products.Narrow;
using Halftone.Engine.Steps;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>Gathers the steps of a plan, the places of values in each form they are needed in, and the constants.</summary>
internal sealed class PlanBuilder(TypedGraph typed, EngineOptions options)
{
    private readonly List<Step> _steps = [];
    private readonly List<ImmutableArray<Place>> _writes = [];
    private readonly List<Place> _places = [];
    private readonly Dictionary<Held, Place> _held = [];
    private readonly HashSet<Held> _needed = [];
    private readonly HashSet<string> _readPast = [];
    private readonly Dictionary<string, ImageShape> _images = [];
    private readonly Dictionary<string, byte> _paddings = [];
    private readonly List<IDisposable> _owned = [];
    private readonly List<NarrowProduct> _narrow = [];
    private Node? _lastNarrow;
    private readonly ArrayBufferWriter<byte> _constants = new();

    /// <summary>Types and constants.</summary>
    public TypedGraph Typed => typed;

    /// <summary>What the caller asked for.</summary>
    public EngineOptions Options => options;

    /// <summary>Steps so far.</summary>
    public IReadOnlyList<Step> Steps => _steps;

    /// <summary>What each step writes.</summary>
    public IReadOnlyList<ImmutableArray<Place>> Writes => _writes;

    /// <summary>Places so far.</summary>
    public IReadOnlyList<Place> Places => _places;

    /// <summary>Kernels, to be disposed with the plan.</summary>
    public IReadOnlyList<IDisposable> Owned => _owned;

    /// <summary>Products that may saturate.</summary>
    public IReadOnlyList<NarrowProduct> Narrow => _narrow;

    /// <summary>The constants' bytes.</summary>
    public ReadOnlySpan<byte> ConstantBytes => _constants.WrittenSpan;

    /// <summary>Decides the border of a value's images, before anything is emitted.</summary>
    public void SetBorder(string name, Border border, byte padding)
    {
        ImageShape shape = ImageShape.Of(typed.Type(name).Dims, border);
        _images[name] = shape.Bytes <= Dense.Lengths.MostBytes ? shape : throw new ModelException($"The value '{name}' is too large with the padding around it.");
        _paddings[name] = padding;
    }

    /// <summary>The shape of a value's images.</summary>
    public ImageShape ImageOf(string name) => _images.TryGetValue(name, out ImageShape? shape) ? shape : _images[name] = ImageShape.Of(typed.Type(name).Dims, default);

    /// <summary>The code around a value's images.</summary>
    public byte PaddingOf(string name) => _paddings.GetValueOrDefault(name);

    /// <summary>Keeps a kernel as long as the plan.</summary>
    public T Own<T>(T kernel)
        where T : IDisposable
    {
        _owned.Add(kernel);
        return kernel;
    }

    /// <summary>Makes an exact product ready, by the tier that was asked for or the best there is.</summary>
    public ProductKernel Product(ProductProblem problem, Weights weights)
    {
        bool fits = (long)problem.SegmentOffsets.Length * problem.SegmentBytes <= ProductProblem.DeepestPacked;
        return ProductTiers.Choose(options.ChosenTier).Build(problem with { WeightBits = fits ? weights.Bits : 8 });
    }

    /// <summary>Makes a product ready, summed as was asked for, by the tier that was asked for or the best there is.</summary>
    /// <param name="problem">The product; it goes over its segments once for each pass of the weights.</param>
    /// <param name="node">The node it comes from.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="first">The first of the product's channels among those of the weights.</param>
    public ProductKernel Product(ProductProblem problem, Node node, Weights weights, int first)
    {
        bool pairs = options.Accumulation == Accumulation.PairSaturating;
        if (options.Accumulation == Accumulation.Int32 || (pairs && weights.AreBytes))
        {
            return Product(problem, weights);
        }

        int[] zeros = [.. Enumerable.Range(first, problem.Channels).Select(weights.ZeroPoint)];
        NarrowProblem narrow = NarrowProblem.Of(
            problem, weights.Passes, zeros, pairs ? NarrowProblem.PairStretch : NarrowProblem.FbgemmStretch, pairs ? null : options.MainWeightBits);
        Note(node, narrow);
        return NarrowTiers.Choose(options.ChosenTier).Build(narrow);
    }

    /// <summary>A place in the arena.</summary>
    public Place Allocate(long bytes) => Keep(new Place(Place.Arena, bytes));

    /// <summary>A place in the caller's memory.</summary>
    public Place Caller(int index, long bytes) => Keep(new Place(Place.Callers + index, bytes));

    /// <summary>A place among the constants; with room after it that kernels may read.</summary>
    /// <exception cref="ModelException">There are too many.</exception>
    public Place Constant(ReadOnlySpan<byte> bytes)
    {
        const int Alignment = 64;
        int end = (_constants.WrittenCount + Alignment - 1) / Alignment * Alignment;
        if ((long)end + bytes.Length + Alignment > Math.Min(options.MaxMemory, Array.MaxLength))
        {
            throw new ModelException($"The model's constants take more than the {Math.Min(options.MaxMemory, Array.MaxLength)} bytes allowed.");
        }

        _constants.Write(new byte[end - _constants.WrittenCount]);
        _constants.Write(bytes);
        _constants.Write(new byte[Alignment]);
        return Keep(new Place(Place.Constants, bytes.Length) { Offset = end });
    }

    /// <summary>A place among the constants.</summary>
    public Place Constant<T>(ReadOnlySpan<T> values)
        where T : unmanaged => Constant(MemoryMarshal.AsBytes(values));

    /// <summary>Has constant codes of 4 or 2 bits stay packed: they take their bytes only while they are read.</summary>
    public void Unpack(string name)
    {
        if (!Holds(name, Form.Dense) && typed.Graph.Constant(name) is { } packed)
        {
            (Place from, Place to) = (Constant(packed.Bytes), Make(name, Form.Dense));
            Add(new UnpackStep(new(packed.Type), from, (int)packed.Count, to) { Name = $"unpack {name}" }, [from], [to]);
        }
    }

    /// <summary>Adds a step, and notes when its values live.</summary>
    public void Add(Step step, ReadOnlySpan<Place> reads, ReadOnlySpan<Place> writes)
    {
        foreach (Place place in (ReadOnlySpan<Place>)[.. reads, .. writes])
        {
            place.First = Math.Min(place.First, _steps.Count);
            place.Last = Math.Max(place.Last, _steps.Count);
        }

        _steps.Add(step);
        _writes.Add([.. writes]);
    }

    /// <summary>Says where a value lies in a form.</summary>
    public void Hold(string name, Form form, Place place) => _held[new(name, form)] = place;

    /// <summary>Whether a value is held in a form already.</summary>
    public bool Holds(string name, Form form) => _held.ContainsKey(new(name, form));

    /// <summary>Says that something will read a value in a form.</summary>
    /// <param name="value">The value.</param>
    /// <param name="bare">Whether nothing past it is read.</param>
    public void SetNeeded(Held value, bool bare)
    {
        _needed.Add(value);
        if (!bare)
        {
            _readPast.Add(value.Name);
        }
    }

    /// <summary>Whether something may read a few bytes past a value.</summary>
    public bool IsReadPast(string name) => _readPast.Contains(name);

    /// <summary>Whether something will read a value in a form.</summary>
    public bool IsNeeded(Held value) => _needed.Contains(value);

    /// <summary>A value's images, or its row-major codes as one.</summary>
    public ImageShape ShapeOf(string name, Form form) => form == Form.Image ? ImageOf(name) : ImageShape.Rows(typed.Type(name).Dims);

    /// <summary>A new place for a value in a form.</summary>
    public Place Make(string name, Form form)
    {
        long bytes = form switch
        {
            Form.Dense => typed.Type(name).Bytes,
            Form.Codes => typed.Type(name).Count,
            _ => ImageOf(name).Bytes,
        };
        Place place = Allocate(bytes);
        Hold(name, form, place);
        return place;
    }

    /// <summary>Row-major codes for what reads nothing past them: those of a caller, too, without a copy.</summary>
    public Place BareCodes(string name) => Get(name, Holds(name, Form.Dense) && typed.Type(name).Element == ElementType.UInt8 ? Form.Dense : Form.Codes);

    /// <summary>A value in a form; it is brought into it where it is held in another.</summary>
    /// <exception cref="ModelException">Nothing makes it.</exception>
    public Place Get(string name, Form form)
    {
        var held = new Held(name, form);
        return _held.TryGetValue(held, out Place? place) ? place : form switch
        {
            Form.Dense => ToDense(name),
            Form.Codes => ToCodes(name),
            _ => ToImage(name),
        };
    }

    /// <summary>Notes a product; groups of one node count as one.</summary>
    private void Note(Node node, NarrowProblem narrow)
    {
        var product = new NarrowProduct(
            node.Name, options.Accumulation, narrow.Product.Weights.LongLength, narrow.Outliers.Count, narrow.Product.Channels, narrow.ExactChannels());
        if (_narrow.Count > 0 && ReferenceEquals(_lastNarrow, node))
        {
            NarrowProduct before = _narrow[^1];
            _narrow[^1] = product with
            {
                Weights = before.Weights + product.Weights,
                Outliers = before.Outliers + product.Outliers,
                Channels = before.Channels + product.Channels,
                ExactChannels = before.ExactChannels + product.ExactChannels,
            };
        }
        else
        {
            _narrow.Add(product);
        }

        _lastNarrow = node;
    }

    private Place Keep(Place place)
    {
        _places.Add(place);
        return place;
    }

    private Place ToDense(string name)
    {
        if (typed.Constant(name) is { } constant)
        {
            Place place = Constant(constant.Bytes);
            Hold(name, Form.Dense, place);
            return place;
        }

        TensorType type = typed.Type(name);
        if (!Holds(name, Form.Codes) && !Holds(name, Form.Image))
        {
            throw new ModelException($"The value '{name}' is needed before anything makes it.");
        }

        Place codes = Get(name, Form.Codes);
        return type.Element == ElementType.UInt8 ? Share(name, Form.Dense, codes) : Flip(name, codes, Form.Dense);
    }

    private Place ToCodes(string name)
    {
        if (Holds(name, Form.Image))
        {
            ImageShape image = ImageOf(name);
            Place from = Get(name, Form.Image);
            if (image.IsRowMajor)
            {
                return Share(name, Form.Codes, from);
            }

            Place to = Make(name, Form.Codes);
            Add(new ImageToCodes(from, image, to) { Name = $"layout {name}" }, [from], [to]);
            return to;
        }

        Place dense = Get(name, Form.Dense);

        // what a caller gives may end right where its memory does, so kernels that read past it get a copy
        return typed.Type(name).Element == ElementType.UInt8 && (dense.Slot < Place.Callers || !IsReadPast(name)) ? Share(name, Form.Codes, dense) : Flip(name, dense, Form.Codes);
    }

    private Place ToImage(string name)
    {
        ImageShape image = ImageOf(name);
        if (image.IsRowMajor)
        {
            return Share(name, Form.Image, Get(name, Form.Codes));
        }

        Place codes = BareCodes(name);

        Place to = Make(name, Form.Image);
        Add(new CodesToImage(codes, to, image, PaddingOf(name)) { Name = $"layout {name}" }, [codes], [to]);
        return to;
    }

    private Place Flip(string name, Place from, Form form)
    {
        Place to = Make(name, form);
        byte mask = typed.Type(name).Element == ElementType.Int8 ? (byte)0x80 : (byte)0;
        Add(new FlipSign(from, to, (int)from.Bytes, mask) { Name = $"signs {name}" }, [from], [to]);
        return to;
    }

    private Place Share(string name, Form form, Place place)
    {
        Hold(name, form, place);
        return place;
    }
}
