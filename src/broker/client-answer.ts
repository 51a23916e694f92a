/** A broker's answer → what the operation gave, or the error it answered with, or why it is no answer. */

import { type ExitCode, OncallError } from '../errors.ts';
import { type OperationName, versionHeader } from './api.ts';
import { type About, type Fault, notABroker, otherVersion, tokenRefused, tooLarge, tooMany } from './client-errors.ts';
import type { Reply } from './client-http.ts';
import { withWordsOf, wordsOf } from './client-words.ts';

/** `waitMs`: after which the broker itself wants to be asked again. `running`: an earlier try of this very call is still under way there. */
export type Missed = Fault & { readonly waitMs?: number; readonly running?: true };

/** Lists that the commands go through without looking: an answer that lacks one would look like a fault of this program. */
const lists: Readonly<Record<OperationName, 'list' | readonly string[]>> = {
  roles: 'list',
  audit: 'list',
  request: [],
  approve: [],
  explain: [],
  verify: [],
  status: ['requests', 'grants', 'faults', 'drift'],
  release: ['grants'],
  deny: ['grants'],
  revoke: ['requests', 'grants'],
  waiting: ['requests', 'unknown', 'reviews'],
  follow: ['grants'],
  sweep: ['steps'],
  recover: ['uncovered'],
  adopt: ['members', 'gone'],
  accesses: ['accesses'],
  doctor: ['checks'],
};

export function resultOf(reply: Reply, name: OperationName, authorization: string, about: About): { readonly result: unknown } | Missed {
  const { status, headers } = reply;
  const document = parsed(reply.text);
  const theirs = versionOf(reply);
  const waitMs = waitAsked(headers['retry-after']);
  const wait = waitMs === undefined ? {} : { waitMs };
  if (document === undefined) {
    if (status === 404 && theirs !== '') return { error: otherVersion(about, theirs, `it has no operation "${name}"`) };
    if (status === 413) return { error: tooLarge(about) };
    if (status === 429) return { error: tooMany(about, waitMs), again: true, ...wait };
    return { error: notABroker(reply, about), ...(status === 503 && waitMs !== undefined ? { again: true, waitMs } : {}) };
  }
  if (document.schema !== 1) return { error: otherVersion(about, theirs, 'its answers are of another form') };
  if (!('error' in document)) {
    if (isShaped(document.result, lists[name])) return { result: withWordsOf(document.result) };
    return { error: otherVersion(about, theirs, `its answer to "${name}" lacks what it must have`) };
  }
  const error = errorIn(document, status);
  if (status === 401) return { error: tokenRefused(error.why ?? error.message, skewOf(reply, authorization, about), about) };
  if (status === 404 && theirs !== '') return { error: otherVersion(about, theirs, `it has no operation "${name}"`) };
  if (status === 413) return { error: tooLarge(about) };
  // That somebody called too often needs no more words; what else there is too much of does.
  const ofWhat = error.code === 'too-many-calls' ? undefined : error.why;
  if (status === 429) return { error: tooMany(about, waitMs, ofWhat), again: true, ...wait };
  if (error.code === 'bad-input' && theirs !== about.version) return { error: otherVersion(about, theirs, error.why ?? error.message) };
  if (status === 409 && waitMs !== undefined) return { error, running: true, ...wait };
  return { error, ...(status === 503 && waitMs !== undefined ? { again: true, waitMs } : {}) };
}

/** Empty where it does not say. */
export const versionOf = ({ headers }: Reply): string => plain(headers[versionHeader], 40);

type Document = { readonly schema: unknown; readonly result?: unknown; readonly error?: unknown; readonly exit?: unknown };

/** `undefined`: none that a broker of whatever version sends. */
function parsed(text: string): Document | undefined {
  try {
    const document: unknown = JSON.parse(text);
    return typeof Object(document).schema === 'number' ? (document as Document) : undefined;
  } catch {
    return undefined;
  }
}

function isShaped(result: unknown, wanted: 'list' | readonly string[]): boolean {
  if (wanted === 'list') return Array.isArray(result);
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return false;
  // A refusal has none of them.
  return wanted.every((name) => Array.isArray((result as Record<string, unknown>)[name]));
}

const exits: readonly unknown[] = [1, 2, 3, 4, 8, 130] satisfies ExitCode[];

/** Within bounds; whoever prints it makes it safe for a terminal. */
function errorIn({ error, exit: given }: Document, status: number): OncallError {
  const { code, message, why, next } = Object(error) as Record<string, unknown>;
  const exit = exits.includes(given) ? (given as ExitCode) : 1;
  const said = {
    message: plain(message, 1_000) || 'the broker says no',
    ...(typeof why === 'string' ? { why: plain(why, 16_000) } : {}),
    ...(typeof next === 'string' ? { next: plain(next, 4_000) } : {}),
  };
  const { message: what, ...more } = wordsOf(said, exit === 1 && status >= 500);
  return new OncallError(typeof code === 'string' && /^[a-z][a-z0-9-]{0,59}$/.test(code) ? code : 'broker-fault', what, { exit, ...more });
}

const plain = (text: unknown, most: number): string => (typeof text === 'string' ? text.slice(0, most) : '');

/** Seconds; a date is the business of proxies, which are asked again after the usual pause. */
function waitAsked(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}

const mostSkewMs = 60_000;

/** How far this clock is ahead of the broker's, where that is why the token is refused: by the broker's it is not yet good, or no longer. */
function skewOf({ headers }: Reply, authorization: string, { now }: About): number | undefined {
  const theirs = Date.parse(headers.date ?? '');
  const skewMs = now() - theirs;
  if (Number.isNaN(skewMs) || Math.abs(skewMs) <= mostSkewMs) return undefined;
  const { iat, nbf, exp } = claimsIn(authorization);
  const isEarly = [iat, nbf].some((at) => typeof at === 'number' && at * 1000 > theirs);
  const isLate = typeof exp === 'number' && exp * 1000 < theirs;
  return isEarly || isLate ? skewMs : undefined;
}

/** Unchecked, and believed in nothing: it only chooses the words for a refusal. */
function claimsIn(authorization: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString()));
  } catch {
    return {};
  }
}
