/** `oncall audit list`: what happened, oldest first. */

import type { Access } from '../lifecycle/accesses.ts';
import type { AuditInput, EventView } from '../operations/audit-types.ts';
import type { Operations } from '../operations/types.ts';
import { count, pad, wrap } from '../terminal/text.ts';
import { type Clock, showRecord } from '../terminal/time.ts';
import { accessCsv } from './access-csv.ts';
import { type Filter, filterFrom, filterOptions } from './audit-filter.ts';
import { noneOf } from './audit-none.ts';
import { type Args, type Command, type Context, flag, type Outcome, text, usage } from './command.ts';

export const auditList: Command = {
  name: 'audit list',
  group: 'Operating',
  summary: 'what happened, by whom and when',
  argument: { syntax: '[id]', summary: 'only what concerns this request' },
  options: [
    { flags: '--limit <n>', summary: 'only the last n events' },
    ...filterOptions,
    { flags: '--csv', summary: 'one line for each access: who, why, who said yes, when it ended and how (for auditors)' },
  ],
  examples: [
    ['oncall audit list --limit 20', 'the last 20 events'],
    ['oncall audit list k7m2xq', 'one request, from asking to the end'],
    ['oncall audit list --user sam@acme.dev --since 7d', 'what sam did, and what was done to sam, in a week'],
    ['oncall audit list --csv --since 2026-07-01 --until 2026-09-30 > q3.csv', 'every access of a quarter, for a spreadsheet'],
    ['oncall audit list --json', 'everything, for a program'],
  ],
  notes: 'You read what concerns you; approvers what concerns their roles; admins all of it.',
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const [of] = args.argument;
  const limit = text(args, 'limit');
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit)) throw usage(`--limit ${limit}: not a whole number above 0`, 'write --limit 20');
  const filter = filterFrom(args, context.clock().now);
  if (flag(args, 'csv')) return csv(of, limit, filter, context);
  const operations = await context.operations();
  const events = await lastEvents(
    operations,
    { ...filter, ...(of === undefined ? {} : { of }) },
    limit === undefined ? Number.POSITIVE_INFINITY : Number(limit),
  );
  const none = events.length === 0 ? await noneOf('event', filter, context) : undefined;
  if (none !== undefined && context.globals.json) context.note(none);
  return {
    exit: 0,
    document: { events },
    text: events.length === 0 ? (none ?? 'nothing that you may read has happened yet') : eventLines(events, context),
    brief: eventLines(events, context),
  };
}

async function csv(of: string | undefined, limit: string | undefined, filter: Filter, context: Context): Promise<Outcome> {
  if (context.globals.json) throw usage('--csv and --json cannot be combined', 'keep one of them');
  if (of !== undefined || limit !== undefined)
    throw usage(
      `--csv goes with no ${of === undefined ? '--limit' : 'id'}: a sample is not drawn here`,
      'narrow it by --since, --until, --user or --role',
    );
  const { accesses } = await context.operations();
  const found: Access[] = [];
  for (let after = 0; ; ) {
    const { accesses: page, more } = await accesses({ ...filter, after });
    found.push(...page);
    if (more === undefined) break;
    after = more;
  }
  const none = found.length === 0 ? await noneOf('access', filter, context) : undefined;
  if (none !== undefined) context.note(none);
  const text = accessCsv(found);
  // RFC 4180 ends each line with CR LF; what prints it adds the LF of the last.
  return { exit: 0, document: {}, text: `${text}\r`, brief: `${text}\r` };
}

/** As many as `audit` gives at once. */
const pageOf = 5_000;

async function lastEvents({ audit }: Pick<Operations, 'audit'>, wanted: AuditInput, limit: number): Promise<readonly EventView[]> {
  const pages: (readonly EventView[])[] = [];
  for (let left = limit; ; ) {
    const asked = Math.min(left, pageOf);
    const before = pages[0]?.[0]?.seq;
    const page = await audit({ ...wanted, limit: asked, ...(before === undefined ? {} : { before }) });
    pages.unshift(page);
    left -= page.length;
    if (page.length < asked || left === 0) return pages.flat();
  }
}

/** No table: who and where must never be cut. What does not fit goes to a second line, below. */
function eventLines(events: readonly EventView[], context: Context): string {
  const { width } = context.screen;
  // Two zones leave too little of 80 columns.
  const clock = { ...context.clock(), utc: context.globals.utc || width < 110 };
  const widest = Math.max(...events.map(({ type }) => type.length));
  return events
    .map((event) =>
      wrap(
        `${showRecord(event.at, clock)}  ${pad(event.type, widest)}  ${event.requestId ?? '-'.padEnd(6)}  ${about(event, clock)}`,
        width,
        22,
      ),
    )
    .join('\n');
}

/** `db-admin for maria@acme.dev in okta/db: released, "done", by maria@acme.dev` */
function about(event: EventView, clock: Clock): string {
  const ofBroker = ofNobody[event.type]?.(event);
  if (ofBroker !== undefined) return ofBroker;
  const { type, role, holder, target, endReason, reason, why, actor, data } = event;
  const who = holder === undefined ? [] : [role === undefined ? holder : `for ${holder}`];
  const what = [...(role === undefined ? [] : [role]), ...who, ...(target === undefined ? [] : [`in ${target}`])].join(' ');
  const said = reason ?? saidIn(data);
  const until = endIn(type, data);
  const how = [
    endReason,
    until === undefined ? undefined : `until ${showRecord(until, clock)}`,
    said === undefined ? undefined : `"${said}"`,
    `by ${actor}`,
    why === undefined ? undefined : `because ${why}`,
  ]
    .filter((part) => part !== undefined)
    .join(', ');
  return what === '' ? how : `${what}: ${how}`;
}

/** What is about no person's access, each in its own words. What is missing is left out: the trail may be of another version. */
const ofNobody: Readonly<Record<string, (event: EventView) => string>> = {
  'call.refused': ({ actor, data }) => {
    const { operation, code, why, address, count: many } = fieldsOf(data);
    const times = typeof many === 'number' ? `, ${many} times` : '';
    return `${operation ?? 'a call'} (${code ?? 'refused'}) from ${address ?? 'somewhere'}${times}, by ${actor}: ${why ?? 'no reason is given'}`;
  },
  'policy.loaded': (event) => `SHA-256 ${digestIn(event)}, ${fieldsOf(event.data).path ?? 'the policy'}`,
  'policy.rejected': ({ data }) => {
    const { path, faults, inForce } = fieldsOf(data);
    return `${faultsIn(faults)}, ${path ?? 'the policy'}; in force stays SHA-256 ${inForce ?? 'of before'}`;
  },
  'ledger.behind': ({ data }) => `${fieldsOf(data).because ?? 'the ledger has lost what it knew'}`,
};

const fieldsOf = (data: unknown): Record<string, unknown> => Object(data);

/** A digest is no part of what every event shows, but of what was hashed. */
function digestIn({ body }: EventView): string {
  const { policyDigest } = JSON.parse(body) as { readonly policyDigest?: unknown };
  return typeof policyDigest === 'string' ? policyDigest : 'unknown';
}

/** `2 faults, line 19, 30`; where the file could not be read, why. */
function faultsIn(faults: unknown): string {
  const all = Array.isArray(faults) ? faults.map(fieldsOf) : [];
  const lines = [...new Set(all.flatMap(({ line }) => (typeof line === 'number' ? [line] : [])))];
  if (lines.length === 0) return all.map(({ code }) => code).join(', ') || 'not used';
  return `${count(all.length, 'fault')}, line ${lines.join(', ')}`;
}

/** When what was given, moved or offered ends. */
function endIn(type: string, data: unknown): number | undefined {
  const { expiresAt, to, until } = Object(data) as { readonly expiresAt?: unknown; readonly to?: unknown; readonly until?: unknown };
  const ends: Readonly<Record<string, unknown>> = {
    'request.approved': expiresAt,
    'request.extended': to,
    'request.offered': until,
    'rotation.changed': to,
    'rotation.held-over': to,
  };
  const end = ends[type];
  return typeof end === 'number' ? end : undefined;
}

/** What was said at an end, or why a removal failed. */
function saidIn(data: unknown): string | undefined {
  const { because, error } = (data ?? {}) as { readonly because?: unknown; readonly error?: unknown };
  return [because, error].find((one) => typeof one === 'string') as string | undefined;
}
