/** What people are told is told without places on the broker's host: its files, and where its ledger is. They cannot look there; its log has it all. */

import type { OncallError } from '../errors.ts';
import type { OperationName } from './api.ts';
import type { Inside } from './host.ts';

export type Told = Pick<OncallError, 'code' | 'message' | 'why' | 'next' | 'exit'>;

/** Of admins alone, who are meant to read it; or with hashes over its very bytes. */
const asTheyAre: ReadonlySet<OperationName> = new Set<OperationName>([
  'audit',
  'accesses',
  'verify',
  'sweep',
  'recover',
  'adopt',
  'doctor',
]);

/** What the driver or the network said: it names hosts, ports and users. */
const ofDrivers = /^ledger-(unreachable|unanswered|tls|refused|busy|read-only|disk-full|io|url|cannot-open|corrupt)$/;

export function errorOutward({ code, message, why, next, exit }: Told, inside: Inside): Told {
  const plain = plainer(inside);
  const advice = next === undefined ? undefined : plain(next);
  return {
    code,
    message: plain(message),
    why: why === undefined || ofDrivers.test(code) ? undefined : plain(why),
    // To change something there is for others.
    next: advice === next ? next : "tell whoever runs the broker; the broker's log says what to do",
    exit,
  };
}

/** JSON; only what this program says in it, and never what people wrote. */
export function resultOutward(name: OperationName, body: string, inside: Inside): string {
  if (asTheyAre.has(name)) return body;
  const plain = plainer(inside);
  if (plain(body) === body) return body;
  return body.replace(/"(?:because|lastError|message|next|nextStep|why)":"(?:[^"\\]|\\.)*"/g, plain);
}

const made = new WeakMap<Inside, (text: string) => string>();

function plainer(inside: Inside): (text: string) => string {
  const known = made.get(inside);
  if (known) return known;
  const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  const named = [...inside.named]
    .sort((a, b) => b.place.length - a.place.length)
    .map(({ place, noun }) => ({ noun, pattern: new RegExp(`((?:the|no) ${noun} (?:at )?)?${escaped(place)}`, 'g') }));
  const folders = inside.folders.map(escaped).join('|');
  const files = new RegExp(`(?<![\\w:./-])(?:${folders})(?:/[\\w.@+~-]+)*(?![\\w@+~-])`, 'g');
  const plain = (text: string): string => {
    let said = text;
    for (const { noun, pattern } of named)
      said = said.replace(pattern, (_, before?: string) => before?.replace(/ (at )?$/, '') ?? `the ${noun}`);
    return folders === '' ? said : said.replace(files, 'a file of the broker');
  };
  made.set(inside, plain);
  return plain;
}
