/** Where a JSON text is wrong. `JSON.parse` names no position for half of its errors, and lets the last of two equal keys win without a word. */

export type JsonFault = { readonly line: number; readonly column: number; readonly what: string };

type Open = { readonly close: '}' | ']'; readonly keys: Set<string> };
type Wrong = { readonly wrong: string };
type Expect = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end' | 'nothing more';

const TOKEN =
  /[\t\n\r ]*(?:([{}[\],:])|("(?:[^"\\]|\\[\s\S])*")|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.]))/y;

export function jsonFault(text: string): JsonFault | undefined {
  const open: Open[] = [];
  let expect: Expect = 'value';
  TOKEN.lastIndex = 0;
  for (let at = 0; ; at = TOKEN.lastIndex) {
    const token = TOKEN.exec(text);
    if (token === null) return atEnd(text, at, expect);
    const [, mark, string] = token;
    const start = TOKEN.lastIndex - token[0].trimStart().length;
    const next: Expect | Wrong = isString(string)
      ? step(expect, open, mark, string)
      : { wrong: 'this text holds a line break, a control character or an unknown escape' };
    if (typeof next === 'object') return place(text, start, next.wrong);
    expect = next;
  }
}

function atEnd(text: string, from: number, expect: Expect): JsonFault | undefined {
  const at = from + (/^[\t\n\r ]*/.exec(text.slice(from))?.[0].length ?? 0);
  if (at === text.length && expect === 'nothing more') return undefined;
  return place(text, at, at === text.length ? `the file ends where ${expect} should stand` : `${expect} should stand here`);
}

function step(expect: Expect, open: Open[], mark: string | undefined, string: string | undefined): Expect | Wrong {
  const inside = open.at(-1);
  const wrong = { wrong: `${expect} should stand here` };
  const afterValue = (): Expect => (open.length === 0 ? 'nothing more' : ', or end');
  if (mark === '}' || mark === ']') {
    const mayClose = expect === ', or end' || expect === (mark === '}' ? 'key or }' : 'value or ]');
    if (!mayClose || inside?.close !== mark) return wrong;
    open.pop();
    return afterValue();
  }
  if (mark === ',') return expect === ', or end' ? (inside?.close === '}' ? 'key' : 'value') : wrong;
  if (mark === ':') return expect === ':' ? 'value' : wrong;
  if (expect === 'key' || expect === 'key or }') {
    if (string === undefined) return wrong;
    const key = JSON.parse(string) as string;
    if (inside?.keys.has(key)) return { wrong: `${string} stands here a second time` };
    inside?.keys.add(key);
    return ':';
  }
  if (expect !== 'value' && expect !== 'value or ]') return wrong;
  if (mark === undefined) return afterValue();
  open.push({ close: mark === '{' ? '}' : ']', keys: new Set() });
  return mark === '{' ? 'key or }' : 'value or ]';
}

function isString(token: string | undefined): boolean {
  try {
    return token === undefined || typeof JSON.parse(token) === 'string';
  } catch {
    return false;
  }
}

function place(text: string, at: number, what: string): JsonFault {
  const before = text.slice(0, at).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, what };
}
