/** Names, those that are written most like `wanted` first, by the pairs of letters that they share. */
export function mostSimilarFirst(wanted: string, names: readonly string[]): readonly string[] {
  const pairs = pairsOf(wanted);
  const likeness = (name: string): number => {
    const others = pairsOf(name);
    const shared = [...others].filter((pair) => pairs.has(pair)).length;
    return (2 * shared) / (pairs.size + others.size);
  };
  return names
    .map((name) => ({ name, likeness: likeness(name) }))
    .sort((a, b) => b.likeness - a.likeness || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name);
}

function pairsOf(name: string): ReadonlySet<string> {
  const letters = ` ${name.toLowerCase()} `;
  return new Set(Array.from({ length: letters.length - 1 }, (_, i) => letters.slice(i, i + 2)));
}
