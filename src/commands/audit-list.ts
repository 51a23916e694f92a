/** `oncall audit list`: what happened, oldest first. */

import type { EventView } from '../operations/types.ts';
import { pad, wrap } from '../terminal/text.ts';
import { type Clock, showRecord } from '../terminal/time.ts';
import { type Args, type Command, type Context, type Outcome, text, usage } from './command.ts';

export const auditList: Command = {
  name: 'audit list',
  group: 'Operating',
  summary: 'what happened, by whom and when',
  argument: { syntax: '[id]', summary: 'only what concerns this request' },
  options: [{ flags: '--limit <n>', summary: 'only the last n events' }],
  examples: [
    ['oncall audit list --limit 20', 'the last 20 events'],
    ['oncall audit list k7m2xq', 'one request, from asking to the end'],
    ['oncall audit list --json', 'everything, for a program'],
  ],
  notes: 'You read what concerns you; approvers what concerns their roles; admins all of it.',
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const [of] = args.argument;
  const limit = text(args, 'limit');
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit)) throw usage(`--limit ${limit}: not a whole number above 0`, 'write --limit 20');
  const operations = await context.operations();
  const events = await operations.audit({
    ...(of === undefined ? {} : { of }),
    ...(limit === undefined ? {} : { limit: Number(limit) }),
  });
  return {
    exit: 0,
    document: { events },
    text: events.length === 0 ? 'nothing that you may read has happened yet' : eventLines(events, context),
    brief: eventLines(events, context),
  };
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
function about({ type, role, holder, target, endReason, reason, why, actor, data }: EventView, clock: Clock): string {
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

/** When what was given or moved ends. */
function endIn(type: string, data: unknown): number | undefined {
  const { expiresAt, to } = Object(data) as { readonly expiresAt?: unknown; readonly to?: unknown };
  const end = type === 'request.approved' ? expiresAt : type === 'request.extended' ? to : undefined;
  return typeof end === 'number' ? end : undefined;
}

/** What was said at an end, or why a removal failed. */
function saidIn(data: unknown): string | undefined {
  const { because, error } = (data ?? {}) as { readonly because?: unknown; readonly error?: unknown };
  return [because, error].find((one) => typeof one === 'string') as string | undefined;
}
