namespace Halftone.Onnx;

/// <summary>Orders nodes so that each comes after those whose outputs it reads.</summary>
internal static class TopologicalOrder
{
    /// <summary>The order; among nodes that are ready, the order given.</summary>
    /// <exception cref="ModelException">There is a cycle; the message names a node on it.</exception>
    public static List<Node> Of(IReadOnlyList<Node> nodes)
    {
        Dictionary<string, int> producer = [];
        for (int i = 0; i < nodes.Count; i++)
        {
            foreach (string output in nodes[i].Outputs.Where(o => o.Length > 0))
            {
                producer[output] = i;
            }
        }

        var waiting = new int[nodes.Count];
        var readers = new List<int>?[nodes.Count];
        for (int i = 0; i < nodes.Count; i++)
        {
            foreach (string input in nodes[i].Inputs.Concat(nodes[i].CapturedNames).Distinct())
            {
                if (producer.TryGetValue(input, out int from))
                {
                    waiting[i]++;
                    (readers[from] ??= []).Add(i);
                }
            }
        }

        PriorityQueue<int, int> ready = new();
        for (int i = 0; i < nodes.Count; i++)
        {
            if (waiting[i] == 0)
            {
                ready.Enqueue(i, i);
            }
        }

        List<Node> sorted = new(nodes.Count);
        while (ready.TryDequeue(out int i, out _))
        {
            sorted.Add(nodes[i]);
            foreach (int reader in readers[i] ?? [])
            {
                if (--waiting[reader] == 0)
                {
                    ready.Enqueue(reader, reader);
                }
            }
        }

        if (sorted.Count < nodes.Count)
        {
            int stuck = Array.FindIndex(waiting, w => w > 0);
            throw new ModelException($"The graph has a cycle through or before node '{nodes[stuck].Name}'.");
        }

        return sorted;
    }
}
