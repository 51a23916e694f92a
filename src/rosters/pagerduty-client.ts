/** Reads from PagerDuty's REST API v2, every page of it. */

import * as z from 'zod/mini';
import { ProviderError } from '../errors.ts';
import type { SecretRef } from '../policy/types.ts';
import type { RosterCall, RosterContext } from './roster.ts';
import { type Session as Calls, type Params, sessions } from './session.ts';

export const provider = 'PagerDuty';

export type Session = Calls & {
  /** Every page of the list that the answer holds under `key`; throws rather than answer in part. */
  list<T>(path: string, key: string, params: Params, item: z.ZodMiniType<T>): Promise<readonly T[]>;
};

export type Access = { readonly token: SecretRef; readonly endpoint: string; readonly timeoutMs: number };

/** PagerDuty answers 25 at a time unless asked for more, 100 at most, and refuses offsets beyond 10,000. */
const pageSize = 100;
const mostPages = 1000;

export function pagerduty(
  { token, endpoint, timeoutMs }: Access,
  context: RosterContext,
): <T>(call: RosterCall, ask: (session: Session) => Promise<T>) => Promise<T> {
  const headers = (key: string) => ({ accept: 'application/vnd.pagerduty+json;version=2', authorization: `Token token=${key}` });
  const inSession = sessions({ provider, secret: token, secretName: 'token', endpoint, timeoutMs, headers, explain }, context);
  return (call, ask) => inSession(call, (calls) => ask({ ...calls, list: paged(calls) }));
}

function paged({ get }: Calls): Session['list'] {
  return async (path, key, params, item) => {
    const page = z.object({ more: z.boolean(), [key]: z.array(item) });
    const items: z.output<typeof item>[] = [];
    for (let pages = 0; pages < mostPages; pages++) {
      const answer = await get(path, { ...params, limit: String(pageSize), offset: String(items.length) }, page);
      const found = answer[key] as z.output<typeof item>[];
      items.push(...found);
      if (!answer.more) return items;
      if (found.length === 0) break;
    }
    throw new ProviderError(provider, 'malformed', `${provider} announced more of ${path} than it gives`, { applied: 'no' });
  };
}

const errorBody = z.object({ error: z.object({ message: z.string(), errors: z.optional(z.array(z.string())) }) });

function explain(body: unknown): string | undefined {
  const { data } = z.safeParse(errorBody, body);
  return data && [data.error.message, ...(data.error.errors ?? [])].join(': ');
}
