/** Reads from incident.io's API, every page of it. */

import * as z from 'zod/mini';
import { ProviderError } from '../errors.ts';
import type { SecretRef } from '../policy/types.ts';
import type { RosterCall, RosterContext } from './roster.ts';
import { type Session as Calls, type Params, sessions } from './session.ts';

export const provider = 'incident.io';

export type Session = Calls & {
  /** Every page of the list that the answer holds under `key`; throws rather than answer in part. */
  list<T extends { readonly id: string }>(path: string, key: string, params: Params, item: z.ZodMiniType<T>): Promise<readonly T[]>;
};

export type Access = { readonly key: SecretRef; readonly endpoint: string; readonly timeoutMs: number };

/** The most that its documentation gives, and its paging answers; `maximum` in its API document is higher. */
const pageSize = 250;
export const mostPages = 400;

export function incidentIo(
  { key, endpoint, timeoutMs }: Access,
  context: RosterContext,
): <T>(call: RosterCall, ask: (session: Session) => Promise<T>) => Promise<T> {
  const headers = (secret: string) => ({ accept: 'application/json', authorization: `Bearer ${secret}` });
  const access = { provider, secret: key, secretName: 'key', endpoint, timeoutMs, headers, explain, retryAfter };
  const inSession = sessions(access, context);
  return (call, ask) => inSession(call, (calls) => ask({ ...calls, list: paged(calls) }));
}

const paging = z.object({ after: z.nullish(z.string()), total_record_count: z.nullish(z.int()) });

function paged({ get }: Calls): Session['list'] {
  return async (path, key, params, item) => {
    const page = z.object({ pagination_meta: z.nullish(paging), [key]: z.array(item) });
    const items: z.output<typeof item>[] = [];
    for (let pages = 0, from: { after?: string } = {}; pages < mostPages; pages++) {
      const answer = await get(path, { ...params, page_size: String(pageSize), ...from }, page);
      const found = answer[key] as z.output<typeof item>[];
      const meta = answer.pagination_meta as z.output<typeof paging> | null | undefined;
      items.push(...found);
      const isAll = meta ? !meta.after && items.length >= (meta.total_record_count ?? 0) : found.length === 0;
      if (isAll) return items;
      // Paging is optional in every answer: without a word of it, it goes on after the last one until nothing comes.
      const after = meta ? meta.after : found.at(-1)?.id;
      if (!after || after === from.after || found.length === 0) break;
      from = { after };
    }
    throw inPart(path);
  };
}

export const inPart = (path: string): ProviderError =>
  new ProviderError(provider, 'malformed', `${provider} announced more of ${path} than it gives`, { applied: 'no' });

const errorBody = z.object({ errors: z.array(z.object({ message: z.string() })) });

function explain(body: unknown): string | undefined {
  const { data } = z.safeParse(errorBody, body);
  return data?.errors.map(({ message }) => message).join('; ');
}

const limitBody = z.object({ rate_limit: z.object({ retry_after: z.string() }) });

/** As `Thu, 17 Apr 2025 11:17:18 UTC`. */
const retryAfter = (body: unknown): string | undefined => z.safeParse(limitBody, body).data?.rate_limit.retry_after;
