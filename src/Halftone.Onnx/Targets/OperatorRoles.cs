using System.Collections.Immutable;

namespace Halftone.Onnx.Targets;

/// <summary>Writes the operators of a target as a short table.</summary>
internal static class OperatorRoles
{
    /// <summary>One line a role: its operators, by blanks.</summary>
    public static ImmutableDictionary<string, OperatorRole> Of(params ReadOnlySpan<(OperatorRole Role, string Operators)> lines)
    {
        var roles = ImmutableDictionary.CreateBuilder<string, OperatorRole>();
        foreach ((OperatorRole role, string operators) in lines)
        {
            foreach (string op in operators.Split(' '))
            {
                roles.Add(op, role);
            }
        }

        return roles.ToImmutable();
    }
}
