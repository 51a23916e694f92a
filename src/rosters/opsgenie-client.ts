/** Reads from Opsgenie's REST API, every page of it. */

import * as z from 'zod/mini';
import { isProviderError, ProviderError } from '../errors.ts';
import type { SecretRef } from '../policy/types.ts';
import type { RosterCall, RosterContext } from './roster.ts';
import { type Session as Calls, type Params, sessions } from './session.ts';

export const provider = 'Opsgenie';

export type Session = Calls & {
  /** `undefined` where there is no such thing. */
  find<T>(path: string, params: Params, data: z.ZodMiniType<T>): Promise<T | undefined>;
  /** Every page; throws rather than answer in part. */
  list<T>(path: string, params: Params, item: z.ZodMiniType<T>): Promise<readonly T[]>;
};

export type InSession = <T>(call: RosterCall, ask: (session: Session) => Promise<T>) => Promise<T>;

/** Opsgenie gives 20 at a time unless asked for more, 100 at most. */
const pageSize = 100;
const mostPages = 200;

export function opsgenie(
  { key, endpoint, timeoutMs }: { readonly key: SecretRef; readonly endpoint: string; readonly timeoutMs: number },
  context: RosterContext,
): InSession {
  const headers = (secret: string) => ({ accept: 'application/json', authorization: `GenieKey ${secret}` });
  const inSession = sessions({ provider, secret: key, secretName: 'key', endpoint, timeoutMs, headers, explain }, context);
  return (call, ask) => inSession(call, (calls) => ask({ ...calls, find: finder(calls), list: paged(calls) }));
}

function finder({ get }: Calls): Session['find'] {
  return async (path, params, data) => {
    try {
      return (await get(path, params, z.object({ data }))).data;
    } catch (error) {
      if (isProviderError(error) && error.fault === 'not-found') return undefined;
      throw error;
    }
  };
}

/** The address of the next page is never followed, only taken for a sign that there is one: it may name another host, and the key would go there. */
function paged({ get }: Calls): Session['list'] {
  return async (path, params, item) => {
    const page = z.object({ data: z.array(item), paging: z.nullish(z.object({ next: z.nullish(z.string()) })) });
    const items: z.output<typeof item>[] = [];
    for (let pages = 0; pages < mostPages; pages++) {
      const { data, paging } = await get(path, { ...params, limit: String(pageSize), offset: String(items.length) }, page);
      items.push(...data);
      if (!paging?.next) return items;
      if (data.length === 0) break;
    }
    throw new ProviderError(provider, 'malformed', `${provider} announced more of ${path} than it gives`, { applied: 'no' });
  };
}

const errorBody = z.object({ message: z.string() });

function explain(body: unknown): string | undefined {
  return z.safeParse(errorBody, body).data?.message;
}
