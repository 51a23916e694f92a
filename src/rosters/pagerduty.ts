/** Who is on call in PagerDuty, asked at `GET /oncalls`: schedules, overrides and escalation levels as PagerDuty itself has worked them out. */

import * as z from 'zod/mini';
import { isProviderError, ProviderError } from '../errors.ts';
import { isLoopback } from '../http.ts';
import { secretRef } from '../secrets.ts';
import { covers, instant } from './interval.ts';
import { pagerduty, provider, type Session } from './pagerduty-client.ts';
import { incidentsOf } from './pagerduty-incidents.ts';
import { findByName, type Kind, type Named, readById } from './pagerduty-names.ts';
import { defineRoster, type Roster, type Shift } from './roster.ts';
import { endpoint, timeout, toMs } from './session.ts';

const regions = { us: 'https://api.pagerduty.com', eu: 'https://api.eu.pagerduty.com' } as const;

const settings = z
  .strictObject({
    token: secretRef,
    region: z.optional(z.enum(['us', 'eu'], 'is us or eu')),
    endpoint: z.optional(endpoint),
    timeout: z.optional(timeout),
  })
  .check(
    z.refine((chosen) => chosen.region === undefined || chosen.endpoint === undefined, {
      error: 'region and endpoint exclude each other',
      path: ['region'],
    }),
  );

type Settings = z.output<typeof settings>;
type Query = Parameters<Roster['onCall']>[0];

const endpointOf = (chosen: Settings): string => chosen.endpoint ?? regions[chosen.region ?? 'us'];

export default defineRoster({
  settings,
  isLocal: (chosen) => isLoopback(endpointOf(chosen)),
  knowsIncidents: true,
  open: async (chosen, context) => {
    const access = { token: chosen.token, endpoint: endpointOf(chosen), timeoutMs: toMs(chosen.timeout) };
    const inSession = pagerduty(access, context);
    return {
      title: provider,
      onCall: (query, at, call) => inSession(call, (session) => shifts(session, query, secondOf(at), (one) => covers(one, at))),
      shifts: (query, span, call) => inSession(call, (session) => shifts(session, query, span, (one) => touches(one, span))),
      ...incidentsOf(inSession),
    };
  },
});

type Span = { readonly from: number; readonly to: number };
type Counts = (entry: Entry) => boolean;

function secondOf(at: number): Span {
  const from = Math.floor(at / 1000) * 1000;
  return { from, to: from + 1000 };
}

const touches = ({ start, end }: Entry, { from, to }: Span): boolean => (start === null || start < to) && (end === null || end > from);

/** The bare id is tried first, as it costs one call; only where that gives nobody must we learn whether the thing exists at all, or is a name that looks like an id. */
async function shifts(session: Session, query: Query, span: Span, counts: Counts): Promise<readonly Shift[]> {
  const [schedule, policy] = await Promise.all([
    locate(session, 'schedule', query.schedule),
    locate(session, 'escalation policy', query.escalationPolicy),
  ]);
  const first = await entriesOf(session, { schedule, policy }, span);
  if (first.length > 0) return shiftsOf(session, first, query, counts);

  const sure = { schedule: schedule && (await confirm(session, schedule)), policy: policy && (await confirm(session, policy)) };
  if (sure.schedule?.unattached) {
    // `/oncalls` goes through escalation policies and would say "nobody" for ever, whoever stands on the schedule.
    throw new ProviderError(
      provider,
      'refused',
      `the schedule "${query.schedule}" is on no escalation policy, so ${provider} lists nobody as on call for it`,
      {
        applied: 'no',
        next: `put the schedule on an escalation policy in ${provider}`,
      },
    );
  }
  const same = sure.schedule?.id === schedule?.id && sure.policy?.id === policy?.id;
  return same ? [] : shiftsOf(session, await entriesOf(session, sure, span), query, counts);
}

async function locate(session: Session, kind: Kind, ref: string | undefined): Promise<Named | undefined> {
  if (ref === undefined) return undefined;
  return /^[A-Z0-9]{6,}$/.test(ref) ? { kind, id: ref, sure: false } : findByName(session, kind, ref);
}

async function confirm(session: Session, named: Named): Promise<Named> {
  return named.sure ? named : ((await readById(session, named)) ?? (await findByName(session, named.kind, named.id)));
}

const reference = z.object({ id: z.string(), summary: z.nullish(z.string()) });

/** `start` and `end` must be there, if only as `null`: an end that got lost must not count as "never ends". */
const entry = z.object({
  user: z.nullish(z.object({ id: z.string(), email: z.nullish(z.string()) })),
  schedule: z.nullish(reference),
  escalation_policy: z.nullish(reference),
  escalation_level: z.int(),
  start: z.nullable(instant),
  end: z.nullable(instant),
});

type Entry = z.output<typeof entry>;
type Scope = { readonly schedule: Named | undefined; readonly policy: Named | undefined };

/** What PagerDuty lists within that time, held against the scope once more: a filter that was overlooked would let everybody in. */
async function entriesOf(session: Session, { schedule, policy }: Scope, { from, to }: Span): Promise<readonly Entry[]> {
  const params = {
    since: new Date(from).toISOString(),
    until: new Date(to).toISOString(),
    'include[]': 'users',
    ...(schedule && { 'schedule_ids[]': schedule.id }),
    ...(policy && { 'escalation_policy_ids[]': policy.id }),
  };
  const entries = await session.list('/oncalls', 'oncalls', params, entry).catch((error) => {
    // Documented for neither case; an id that is none may well be answered so.
    if (isProviderError(error) && error.fault === 'not-found') return [];
    throw error;
  });
  return entries.filter((one) => (!schedule || one.schedule?.id === schedule.id) && (!policy || one.escalation_policy?.id === policy.id));
}

/** The same schedule on several escalation policies comes as several entries, often alike: those are one shift. */
function shiftsOf(session: Session, entries: readonly Entry[], query: Query, counts: Counts): readonly Shift[] {
  const wanted = entries.filter((one) => counts(one) && (query.levels.length === 0 || query.levels.includes(one.escalation_level)));
  const shifts = new Map<string, Shift>();
  for (const one of wanted) {
    const email = one.user?.email?.toLowerCase();
    if (!email) {
      session.log(`${provider}: the user ${one.user?.id ?? '(removed)'} is on call but has no e-mail address, so counts for nobody`);
      continue;
    }
    const shift = { schedule: nameOf(one, query), email, start: one.start, end: one.end, level: one.escalation_level };
    shifts.set(JSON.stringify(Object.values(shift)), shift);
  }
  if (wanted.length > 0 && shifts.size === 0) {
    throw new ProviderError(provider, 'malformed', `${provider} says that people are on call, but gives no e-mail address of any`, {
      applied: 'no',
      next: 'give the key the right to read users',
    });
  }
  return [...shifts.values()];
}

function nameOf({ schedule, escalation_policy: policy }: Entry, query: Query): string {
  const reference = query.schedule === undefined && query.escalationPolicy !== undefined ? policy : (schedule ?? policy);
  return reference?.summary ?? reference?.id ?? provider;
}
