/** Reads from PagerDuty's REST API v2: one session per question, with the key, one time budget for all its calls, and every page. */

import * as z from 'zod/mini';
import { isOncallError, isProviderError, ProviderError } from '../errors.ts';
import { getJson } from '../http.ts';
import type { SecretRef } from '../policy/types.ts';
import { resolveSecret } from '../secrets.ts';
import type { RosterCall, RosterContext } from './roster.ts';

export const provider = 'PagerDuty';

type Params = Readonly<Record<string, string>>;

export type Session = {
  get<T>(path: string, params: Params, shape: z.ZodMiniType<T>): Promise<T>;
  /** Every page of the list that the answer holds under `key`; throws rather than answer in part. */
  list<T>(path: string, key: string, params: Params, item: z.ZodMiniType<T>): Promise<readonly T[]>;
  log(line: string): void;
};

export type Access = { readonly token: SecretRef; readonly endpoint: string; readonly timeoutMs: number };

/** PagerDuty answers 25 at a time unless asked for more, 100 at most, and refuses offsets beyond 10,000. */
const pageSize = 100;
const mostPages = 1000;

export function pagerduty(
  access: Access,
  context: RosterContext,
): <T>(call: RosterCall, ask: (session: Session) => Promise<T>) => Promise<T> {
  let key: Promise<string> | undefined;
  return async (call, ask) => {
    key ??= readKey(access.token, context);
    try {
      return await ask(openSession(access, await key, context, call));
    } catch (error) {
      // A key that was replaced while this process lives is read again at the next question.
      if (isProviderError(error) && error.fault === 'credentials') key = undefined;
      throw error;
    }
  };
}

/** Without the caller's signal: the key outlives the question. A command among the sources has a time-out of its own. */
async function readKey(token: SecretRef, { name, baseDir }: RosterContext): Promise<string> {
  try {
    return await resolveSecret(token, `the token of rosters.${name}`, { baseDir });
  } catch (error) {
    if (!isOncallError(error)) throw error;
    throw new ProviderError(provider, 'credentials', `${error.message}: ${error.why}`, {
      applied: 'no',
      cause: error,
      ...(error.next === undefined ? {} : { next: error.next }),
    });
  }
}

function openSession(access: Access, key: string, context: RosterContext, call: RosterCall): Session {
  const { log, onServerDate } = context;
  const startedAt = performance.now();
  const base = access.endpoint.replace(/\/+$/, '');
  const headers = { accept: 'application/vnd.pagerduty+json;version=2', authorization: `Token token=${key}` };
  const get: Session['get'] = async (path, params, shape) => {
    const url = new URL(`${base}${path}`);
    for (const [name, value] of Object.entries(params)) url.searchParams.append(name, value);
    const options = { provider, headers, timeoutMs: access.timeoutMs, startedAt, signal: call.signal, onServerDate, log, explain };
    return shaped(await getJson(url, options), shape, path);
  };
  const list: Session['list'] = async (path, listKey, params, item) => {
    const page = z.object({ more: z.boolean(), [listKey]: z.array(item) });
    const items: z.output<typeof item>[] = [];
    for (let pages = 0; pages < mostPages; pages++) {
      const answer = await get(path, { ...params, limit: String(pageSize), offset: String(items.length) }, page);
      const found = answer[listKey] as z.output<typeof item>[];
      items.push(...found);
      if (!answer.more) return items;
      if (found.length === 0) break;
    }
    throw new ProviderError(provider, 'malformed', `${provider} announced more of ${path} than it gives`, { applied: 'no' });
  };
  return { get, list, log };
}

function shaped<T>(answer: unknown, shape: z.ZodMiniType<T>, path: string): T {
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

const errorBody = z.object({ error: z.object({ message: z.string(), errors: z.optional(z.array(z.string())) }) });

function explain(body: unknown): string | undefined {
  const { data } = z.safeParse(errorBody, body);
  return data && [data.error.message, ...(data.error.errors ?? [])].join(': ');
}
