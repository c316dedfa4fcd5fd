namespace Halftone.Engine.Execution;

/// <summary>Gives each value of the arena its place: values that live at the same time do not overlap.</summary>
internal static class MemoryPlan
{
    private const int Alignment = 64;

    /// <summary>Between any two values lies as much, so that what a kernel reads past one's end stays inside the arena.</summary>
    private const int Gap = 64;

    /// <summary>Sets the offsets.</summary>
    /// <returns>Bytes of the arena.</returns>
    /// <remarks>The largest first, each as low as it fits among those that live with it.</remarks>
    public static long Assign(IReadOnlyList<Place> places)
    {
        List<Place> placed = [];
        long end = 0;
        foreach (Place place in places.Where(p => p.Slot == Place.Arena && p.Last >= 0).OrderByDescending(p => p.Bytes).ThenBy(p => p.First))
        {
            long offset = 0;
            foreach (Place other in placed.Where(o => o.First <= place.Last && place.First <= o.Last).OrderBy(o => o.Offset))
            {
                if (offset + Room(place) <= other.Offset)
                {
                    break;
                }

                offset = Math.Max(offset, other.Offset + Room(other));
            }

            place.Offset = offset;
            placed.Add(place);
            end = Math.Max(end, offset + Room(place));
        }

        return end;
    }

    private static long Room(Place place) => (place.Bytes + Gap + Alignment - 1) / Alignment * Alignment;
}
