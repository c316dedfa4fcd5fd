using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Security.Cryptography;
using Halftone.Training.Native;

namespace Halftone.Training;

/// <summary>Loads TorchSharp's native library on systems whose C++ runtime is older than the one it was built with.</summary>
/// <remarks>
/// <para>TorchSharp 0.107's libLibTorchSharp.so asks libstdc++ for GLIBCXX_3.4.32 (GCC 13), which Debian 12, Ubuntu 22.04 and RHEL 9
/// lack. There, and only there, a private copy is mended (see <see cref="GlibcxxMend"/>), kept beside the program or, where that
/// folder is read-only, in the user's cache folder, and loaded in place of the original. The original is never changed.</para>
/// <para>Using anything of this assembly arranges it: the runtime asks here when the ordinary load has failed. A program that uses
/// TorchSharp directly calls <see cref="Prepare"/> first; that also turns a failure into one clear message.</para>
/// </remarks>
public static class NativeLibraries
{
    // The name in TorchSharp's [DllImport]s, and the file that it means on Linux.
    private const string ImportName = "LibTorchSharp";
    private const string FileName = "libLibTorchSharp.so";

    // What libLibTorchSharp.so is linked against. The private copy may lie in another folder than they do, so they are loaded
    // first; the dynamic linker then finds them by name. libtorch_cpu.so brings libc10.so and libgomp from its own folder.
    private static readonly string[] s_dependencies = ["libtorch_cpu.so", "libtorch.so"];

    private static readonly Lock s_lock = new();
    private static bool s_prepared;
    private static nint s_mended;

    /// <summary>Makes TorchSharp loadable here; does nothing where it already is, and nothing the second time.</summary>
    /// <exception cref="NotSupportedException">TorchSharp's native library cannot be made to load on this system.</exception>
    public static void Prepare() => _ = MendedOrZero();

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "Whoever trains with this library must not have to know that an older system needs this.")]
    internal static void Register()
    {
        if (OperatingSystem.IsLinux())
        {
            // Raised only after the ordinary search has failed, so a system that needs no mend never comes here.
            AssemblyLoadContext context = AssemblyLoadContext.GetLoadContext(typeof(TorchSharp.torch).Assembly) ?? AssemblyLoadContext.Default;
            context.ResolvingUnmanagedDll += (_, name) => name == ImportName ? MendedOrZero() : 0;
        }
    }

    /// <summary>The mended library's handle, or zero where the original loads as it is or is not there.</summary>
    private static nint MendedOrZero()
    {
        lock (s_lock)
        {
            if (!s_prepared)
            {
                s_mended = Load();
                s_prepared = true;
            }

            return s_mended;
        }
    }

    private static nint Load()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64
            || FindNative(FileName) is not string original || FindRuntime() is not string runtime)
        {
            return 0;
        }

        try
        {
            byte[] bytes = File.ReadAllBytes(original);
            string[] needs = [.. GlibcxxMend.Needs(new ElfFile(bytes, original))];
            IReadOnlyList<string> offers = new ElfFile(File.ReadAllBytes(runtime), runtime).DefinedVersions();
            switch (GlibcxxMend.Decide(needs, offers))
            {
                case MendDecision.NotNeeded:
                    return 0;
                case MendDecision.Impossible:
                    throw new NotSupportedException($"TorchSharp needs {string.Join(", ", needs.Except(offers))} of the C++ runtime, and {runtime} is too old for it: use a system with GCC 12's libstdc++ or later.");
                default:
                    string copy = PrivateCopy.Put(GlibcxxMend.Apply(bytes, original), CopyName(bytes), Folders());
                    foreach (string dependency in s_dependencies)
                    {
                        NativeLibrary.Load(FindNative(dependency) ?? dependency);
                    }

                    return NativeLibrary.Load(copy);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or DllNotFoundException or BadImageFormatException)
        {
            throw new NotSupportedException($"TorchSharp's native library could not be made to load: {e.Message}", e);
        }
    }

    /// <summary>A name that changes with the original, so that a copy of another TorchSharp is never taken for this one's.</summary>
    internal static string CopyName(ReadOnlySpan<byte> original)
        => $"libLibTorchSharp-{Convert.ToHexStringLower(SHA256.HashData(original).AsSpan(0, 8))}.so";

    /// <summary>Where the private copy may lie: beside the program, or else in the user's cache folder.</summary>
    internal static string[] Folders()
    {
        string cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } set && Path.IsPathRooted(set)
            ? set
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return [Path.Combine(AppContext.BaseDirectory, "mended"), Path.Combine(cache, "halftone", "native")];
    }

    /// <summary>A native file in the folders where the runtime looks for this program's own, or null.</summary>
    internal static string? FindNative(string fileName)
    {
        string searched = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        string[] folders =
        [
            .. searched.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries),
            AppContext.BaseDirectory,
            Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native"),
        ];
        return folders.Select(folder => Path.Combine(folder, fileName)).FirstOrDefault(File.Exists);
    }

    /// <summary>The file of the C++ runtime that this process uses, or null where it has none.</summary>
    internal static string? FindRuntime()
    {
        if (!NativeLibrary.TryLoad(GlibcxxMend.Runtime, Assembly.GetExecutingAssembly(), DllImportSearchPath.SafeDirectories, out _))
        {
            return null;
        }

        // A line ends in the path of the mapped file, from its first '/' on.
        return File.ReadLines("/proc/self/maps")
            .Select(line => line.IndexOf('/') is int at and >= 0 ? line[at..] : "")
            .FirstOrDefault(path => Path.GetFileName(path).StartsWith(GlibcxxMend.Runtime, StringComparison.Ordinal) && File.Exists(path));
    }
}
