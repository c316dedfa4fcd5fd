namespace Halftone.PostTraining.Equalization;

/// <summary>A layer whose outputs may be scaled, and who reads them.</summary>
/// <param name="Site">Its weight by outputs.</param>
/// <param name="Readers">Weights by inputs.</param>
internal sealed record FactorizedLayer(ChannelSite Site, ChannelSite[] Readers)
{
    /// <summary>All of a map, in the graph's order: those none of whose outputs must stay as they are.</summary>
    public static IEnumerable<FactorizedLayer> All(ChannelMap map)
    {
        var norms = map.Scaled.Where(s => s.Role is ChannelRole.Norm).SelectMany(s => s.Ids.Select(map.Root)).ToHashSet();
        return from site in map.Scaled
               where site.Role is ChannelRole.Weight && site.Ids.All(id => !map.IsFixed(id) && !norms.Contains(map.Root(id)))
               let roots = site.Ids.Select(map.Root).ToHashSet()
               let readers = map.Divided.Where(d => d.Ids.Any(id => roots.Contains(map.Root(id)))).ToArray()
               where readers.Length > 0
               select new FactorizedLayer(site, readers);
    }

    /// <summary>The factor of each output.</summary>
    public double[] Propose(ChannelMap map, ChannelScales scales, ActivationLimits? activations, bool dominance, double most)
    {
        double[] weights = scales.Magnitudes(Site);
        double[] share = dominance ? Dominance(map, scales) : [.. weights.Select(_ => 1.0)];
        double greatest = weights.Zip(share, (k, n) => k * n).Max();
        double[] limits = activations?.Of(map, Site, scales, share, most) ?? [.. weights.Select(_ => double.PositiveInfinity)];
        return [.. weights.Select((k, i) => k > 0 && greatest / k < 1e8 && greatest > 0 ? Math.Min(greatest / k, limits[i]) : 1)];
    }

    // the greatest weight that readers give a channel, as a part of their greatest of all
    private double[] Dominance(ChannelMap map, ChannelScales scales)
    {
        Dictionary<int, double> most = [];
        foreach (ChannelSite reader in Readers)
        {
            double[] weights = scales.Magnitudes(reader);
            double all = weights.Max();
            foreach ((int id, double weight) in reader.Ids.Zip(weights))
            {
                int root = map.Root(id);
                most[root] = Math.Max(most.GetValueOrDefault(root), all > 0 ? weight / all : 0);
            }
        }

        return [.. Site.Ids.Select(id => most.GetValueOrDefault(map.Root(id)))];
    }
}
