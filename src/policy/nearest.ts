/** "Did you mean": the known word that a mistyped one is closest to. */

export function nearest(word: string, known: readonly string[]): string | undefined {
  return known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance)[0]?.candidate;
}

/** `did you mean "allow"?`, or else what there is to choose from. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  // A file may have as many slips as lines, and each is compared with every name.
  if (known.length > 200 || word.length > 100) return undefined;
  const near = nearest(word, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  return known.length === 0 || known.length > 12 ? undefined : `there is ${known.map((name) => `"${name}"`).join(', ')}`;
}

/** Steps of inserting, deleting, replacing or swapping neighbours that lead from one word to the other. */
export function editDistance(from: string, to: string): number {
  // Whatever is that much longer is not a slip of the fingers, and this keeps hostile keys cheap.
  if (Math.abs(from.length - to.length) > 8) return Number.POSITIVE_INFINITY;
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const same = from[i - 1] === to[j - 1];
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[to.length] ?? 0;
}
