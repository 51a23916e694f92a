/** How a roster asks its provider over HTTP: the key is read at the first question, all calls of one question share one time-out, every answer is held against its shape. */

import * as z from 'zod/mini';
import { isOncallError, isProviderError, ProviderError } from '../errors.ts';
import { getJson, isLoopback } from '../http.ts';
import type { SecretRef } from '../policy/types.ts';
import { resolveSecret } from '../secrets.ts';
import type { RosterCall, RosterContext } from './roster.ts';

export type Params = Readonly<Record<string, string | readonly string[]>>;

export type Session = {
  get<T>(path: string, params: Params, shape: z.ZodMiniType<T>): Promise<T>;
  log(line: string): void;
};

export type Access = {
  readonly provider: string;
  readonly secret: SecretRef;
  /** What the policy calls it: `token`. */
  readonly secretName: string;
  readonly endpoint: string;
  readonly timeoutMs: number;
  readonly headers: (key: string) => Readonly<Record<string, string>>;
  /** Finds the provider's own words in the body of a refusal. */
  readonly explain: (body: unknown) => string | undefined;
  /** Finds there how long to wait, where no header says it. */
  readonly retryAfter?: (body: unknown) => string | undefined;
};

export function sessions(
  access: Access,
  context: RosterContext,
): <T>(call: RosterCall, ask: (session: Session) => Promise<T>) => Promise<T> {
  let key: Promise<string> | undefined;
  return async (call, ask) => {
    key ??= readKey(access, context);
    try {
      return await ask(open(access, await key, context, call));
    } catch (error) {
      // A key that was replaced while this process lives is read again at the next question.
      if (isProviderError(error) && error.fault === 'credentials') key = undefined;
      throw error;
    }
  };
}

/** Without the caller's signal: the key outlives the question. A command among the sources has a time-out of its own. */
async function readKey({ provider, secret, secretName }: Access, { name, baseDir }: RosterContext): Promise<string> {
  try {
    return await resolveSecret(secret, `the ${secretName} of rosters.${name}`, { baseDir });
  } catch (error) {
    if (!isOncallError(error)) throw error;
    throw new ProviderError(provider, 'credentials', `${error.message}: ${error.why}`, {
      applied: 'no',
      cause: error,
      ...(error.next === undefined ? {} : { next: error.next }),
    });
  }
}

function open(access: Access, key: string, { log, onServerDate }: RosterContext, { signal }: RosterCall): Session {
  const { provider, timeoutMs, explain, retryAfter } = access;
  const startedAt = performance.now();
  const base = access.endpoint.replace(/\/+$/, '');
  const headers = access.headers(key);
  return {
    log,
    get: async (path, params, shape) => {
      const url = new URL(`${base}${path}`);
      for (const [name, values] of Object.entries(params)) {
        for (const value of typeof values === 'string' ? [values] : values) url.searchParams.append(name, value);
      }
      const told = { explain, ...(retryAfter && { retryAfter }) };
      const answer = await getJson(url, { provider, headers, timeoutMs, startedAt, signal, onServerDate, log, ...told });
      return shaped(answer, shape, provider, path);
    },
  };
}

function shaped<T>(answer: unknown, shape: z.ZodMiniType<T>, provider: string, path: string): T {
  const result = z.safeParse(shape, answer);
  if (result.success) return result.data;
  const where = result.error.issues[0]?.path.join('.') ?? '';
  throw new ProviderError(
    provider,
    'malformed',
    `${provider} answered ${path} in another shape than it documents${where === '' ? '' : `, at ${where}`}`,
    { applied: 'no' },
  );
}

/** Several at a time: providers count calls, and all of them share one time-out. */
export async function inTurns<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<readonly R[]> {
  const answers: R[] = [];
  for (let from = 0; from < items.length; from += 8) answers.push(...(await Promise.all(items.slice(from, from + 8).map(ask))));
  return answers;
}

/** Where the key may be sent: not in the clear, except to an emulator on this machine. */
export const endpoint = z
  .string()
  .check(z.refine(isSafeEndpoint, 'needs an https:// address without user, query or fragment; http:// only on this machine'));

export const timeout = z.string().check(z.regex(/^([1-9]|[1-5]\d|60)s$/, 'needs seconds from 1s to 60s'));

export const toMs = (seconds: string | undefined): number => Number.parseInt(seconds ?? '5s', 10) * 1000;

function isSafeEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const bare = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return bare && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(text)));
}
