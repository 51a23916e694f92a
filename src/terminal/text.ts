/** Text that people or providers wrote, made harmless for a terminal; and how wide text is there. */
const escapeSequence =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b\]|\u009d)[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)|\u001b[ -/]*[0-~]/g;
const lineBreak = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;
/** Cc: C0 and C1. Cf: bidi, zero-width, tags. Cs: halves of characters. Co, Cn stay: a terminal shows a box. */
const invisible = /[\p{Cc}\p{Cf}\p{Cs}]/gu;

/** One line without control, escape, bidi and other invisible characters: a reason must not be able to rewrite the line it stands in. */
export function clean(text: string): string {
  return text.replace(escapeSequence, '').replace(lineBreak, ' ').replace(invisible, '');
}

/** `clean` for every string of a result, keys included, so that no place that prints can forget it; then `more`, where given. */
export function cleanDeep<T>(value: T, more: (text: string) => string = (text) => text): T {
  const walk = (inner: unknown): unknown => {
    if (typeof inner === 'string') return more(clean(inner));
    if (Array.isArray(inner)) return inner.map(walk);
    if (typeof inner !== 'object' || inner === null) return inner;
    return Object.fromEntries(Object.entries(inner).map(([key, one]) => [clean(key), walk(one)]));
  };
  return walk(value) as T;
}

const wide =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]/u;
const zeroWidth = /\p{M}/u;
const color = /\u001b\[[\d;]*m/g;

export function widthOf(text: string): number {
  let width = 0;
  for (const character of text.replace(color, '')) width += zeroWidth.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return width;
}

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  for (const character of text) {
    if (widthOf(kept + character) > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** A word, all that comes after a `$`, or a command of this program as far as it can be told from the sentence that goes on behind it. */
const whole = / *(?:\$ .*|oncall(?: --policy (?:'[^']*'|[^ ]+))? [a-z]+(?: [^ ;,()]+)?(?: (?:--[a-z-]+|"…"|[\w-]+=[^ ]+))*[^ ]*|[^ ]+)/g;

/** Breaks at spaces; later lines are indented. What is to be copied stays whole: a command, and a word that is too long. */
export function wrap(text: string, width: number, indent: number): string {
  if (widthOf(text) <= width) return text;
  const lines: string[] = [];
  let line = '';
  for (const word of text.match(whole) ?? []) {
    if (line !== '' && widthOf(line + word) > width) {
      lines.push(line);
      line = ' '.repeat(indent) + word.trimStart();
    } else line += word;
  }
  return [...lines, line].join('\n');
}

/** `1 request`, `2 requests`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
