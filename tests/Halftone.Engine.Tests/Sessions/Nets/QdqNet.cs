using Halftone.Onnx;

namespace Halftone.Engine.Tests.Sessions.Nets;

/// <summary>Random networks in the QDQ format: between any two operators, or almost any, lies a QuantizeLinear and a DequantizeLinear.</summary>
internal sealed partial class QdqNet
{
    private readonly Draft _draft;
    private readonly List<Codes> _values = [];
    private readonly Dictionary<string, string> _floats = [];

    private bool _small; // mostly convolutions of 3x3 taps over whole groups of channels

    private QdqNet(int seed)
    {
        int opset = new Random(seed).Next(3) switch { 0 => 17, 1 => 19, _ => 21 };
        _draft = new Draft(seed, opset);
    }

    private Random Random => _draft.Random;

    /// <summary>A network and what to feed it.</summary>
    /// <param name="seed">Decides everything.</param>
    /// <param name="length">Operators.</param>
    public static (Model Model, Dictionary<string, Tensor> Feed) Make(int seed, int length) => Make(new QdqNet(seed), length);

    /// <summary>A network of 3x3 convolutions of stride 1 mostly, as kernels with algorithms of their own take them.</summary>
    /// <inheritdoc cref="Make(int, int)"/>
    public static (Model Model, Dictionary<string, Tensor> Feed) MakeSmall(int seed, int length) => Make(new QdqNet(seed) { _small = true }, length);

    private static (Model Model, Dictionary<string, Tensor> Feed) Make(QdqNet net, int length)
    {
        net.Input(net._small ? [net.Random.Next(1, 4), net._draft.Pick(16, 32, 48, 64), net._draft.Pick(7, 8, 12, 13), net._draft.Pick(8, 11, 12, 15)] : net.InputDims());
        if (net._draft.Chance(15))
        {
            net.Input(net._values[0].Dims);
        }

        for (int i = 0; i < length; i++)
        {
            net.Step();
        }

        net.Outputs();
        return (net._draft.Build(), net._draft.Feed);
    }

    private long[] InputDims()
    {
        long batch = Random.Next(1, 4);
        long channels = _draft.Pick(1, 2, 3, 4, 6, 8, 16, 20, 36);
        return Random.Next(20) switch
        {
            < 11 => [batch, channels, Random.Next(1, 11), Random.Next(1, 11)],
            < 15 => [batch, channels, Random.Next(1, 17)],
            < 18 => [batch, channels * 3],
            18 => [Random.Next(1, 40)],
            _ => [batch, 2, channels, 3, 2],
        };
    }

    private void Input(long[] dims)
    {
        bool signed = _draft.Chance(40);
        float scale = _draft.RandomScale(0.02f);
        int zero = _draft.RandomZero(signed);
        if (_draft.Chance(25))
        {
            _values.Add(new(_draft.Input(_draft.RandomCodes(signed, dims)), dims, signed, scale, zero));
            return;
        }

        Quantize(_draft.Input(_draft.RandomFloats(3, dims)), dims, scale, signed, zero);
    }

    /// <summary>The floats that codes stand for: those that are there, or new ones.</summary>
    private string Float(Codes codes)
    {
        if (_draft.Chance(50) && _floats.TryGetValue(codes.Name, out string? there))
        {
            return there;
        }

        if (_draft.Chance(6))
        {
            // other numbers than those that were quantized
            float other = _draft.RandomScale(codes.Scale);
            return _draft.Node("DequantizeLinear", [codes.Name, _draft.Float(other), _draft.ZeroPoint(codes.Signed, _draft.RandomZero(codes.Signed))]);
        }

        string scale = _draft.Chance(85) ? _draft.Float(codes.Scale) : _draft.Constant(Tensor.Of([codes.Scale], 1));
        bool implied = codes is { Zero: 0, Signed: false } && _draft.Chance(30); // uint8 is what no zero point means
        return _floats[codes.Name] = _draft.Node("DequantizeLinear", implied ? [codes.Name, scale] : [codes.Name, scale, _draft.ZeroPoint(codes.Signed, codes.Zero)]);
    }

    private void Quantize(string value, long[] dims, float scale)
    {
        bool signed = _draft.Chance(40);
        Quantize(value, dims, scale, signed, _draft.RandomZero(signed));
    }

    private void Quantize(string value, long[] dims, float scale, bool signed, int zero) =>
        _values.Add(new(_draft.Node("QuantizeLinear", [value, _draft.Float(scale), _draft.ZeroPoint(signed, zero)]), dims, signed, scale, zero));

    /// <summary>Quantizes what an operator made whose result gets about so large; sometimes through an activation.</summary>
    private void Finish(string value, long[] dims, float amplitude)
    {
        if (_draft.Chance(30))
        {
            value = _draft.Chance(60) ? Bound(value, amplitude) : Curve(value);
        }

        if (_draft.Chance(4))
        {
            _draft.Output(value);
        }

        Quantize(value, dims, _draft.RandomScale(amplitude / 100));
    }

    /// <summary>Quantizes what was only moved, most often as it was.</summary>
    private void Moved(string value, long[] dims, Codes from)
    {
        if (_draft.Chance(70))
        {
            Quantize(value, dims, from.Scale, from.Signed, from.Zero);
        }
        else
        {
            Quantize(value, dims, _draft.RandomScale(from.Scale));
        }
    }

    private void Step()
    {
        Codes x = _draft.Chance(75) ? _values[^1] : _values[Random.Next(_values.Count)];
        bool image = x.Rank is 3 or 4;
        switch (_small && _draft.Chance(60) ? 0 : Random.Next(20))
        {
            case < 5 when image:
                Conv(x);
                break;
            case 5 when image:
                ConvTranspose(x);
                break;
            case < 8 when image:
                Pool(x);
                break;
            case < 8 when x.Rank == 2:
                Gemm(x);
                break;
            case < 9 when x.Rank >= 2:
                MatMul(x);
                break;
            case < 12:
                Binary(x);
                break;
            case < 14:
                Unary(x);
                break;
            case 14 when x.Rank == 4:
                Resize(x);
                break;
            case 15:
                Concat(x);
                break;
            case 16 when x.Rank >= 2:
                Normalize(x);
                break;
            default:
                Move(x);
                break;
        }
    }

    private void Outputs()
    {
        foreach (Codes value in _values.Where(v => v == _values[^1] || _draft.Chance(15)))
        {
            _draft.Output(_draft.Chance(50) ? value.Name : Float(value));
        }

        _draft.Output(Float(_values[^1]));
    }
}
