/** A faulty policy with its faults marked where they must be reported: `‹code›` stands right before the place. */

export function marked(text: string): { readonly text: string; readonly expected: readonly string[] } {
  const expected: string[] = [];
  let plain = '';
  for (const part of text.split(/(‹[a-z-]+›)/)) {
    if (part.startsWith('‹')) {
      const lines = plain.split('\n');
      expected.push(`${lines.length}:${(lines.at(-1) ?? '').length + 1} ${part.slice(1, -1)}`);
    } else {
      plain += part;
    }
  }
  return { text: plain, expected };
}
