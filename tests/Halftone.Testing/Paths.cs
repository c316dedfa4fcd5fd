using Xunit;

namespace Halftone.Testing;

/// <summary>Where tests find files: the repository's own, and the development data beside a checkout, which need not be there.</summary>
public static class Paths
{
    /// <summary>The repository's root: the nearest folder upwards that holds Halftone.slnx.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>A file of the repository.</summary>
    public static string InRepository(string relative) => Path.Combine(Repository, relative);

    /// <summary>A file or folder of the development data; the test that asks is skipped where it is missing.</summary>
    public static string Shared(string relative)
    {
        string? path = SharedOrNull(relative);
        Assert.SkipWhen(path is null, $"needs ../shared/{relative}, which is not here");
        return path!;
    }

    /// <summary>The same, or null where it is missing.</summary>
    public static string? SharedOrNull(string relative)
    {
        // a worktree may stand one level deeper than a checkout
        foreach (string up in (string[])["..", "../.."])
        {
            string path = Path.GetFullPath(Path.Combine(Repository, up, "shared", relative));
            if (Path.Exists(path))
            {
                return path;
            }
        }

        return null;
    }

    private static string FindRepository()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Halftone.slnx")))
            {
                return at.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No Halftone.slnx above {AppContext.BaseDirectory}.");
    }
}
