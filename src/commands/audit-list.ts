/** `oncall audit list`: what happened, oldest first. */

import type { EventView } from '../operations/types.ts';
import { table } from '../terminal/table.ts';
import { showRecord } from '../terminal/time.ts';
import { type Args, type Command, type Context, type Outcome, text, usage } from './command.ts';

export const auditList: Command = {
  name: 'audit list',
  group: 'Operating',
  summary: 'what happened, by whom and when',
  options: [{ flags: '--limit <n>', summary: 'only the last n events' }],
  examples: [
    ['oncall audit list --limit 20', 'the last 20 events'],
    ['oncall audit list --json', 'everything, for a program'],
  ],
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const limit = text(args, 'limit');
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit)) throw usage(`--limit ${limit}: not a whole number above 0`, 'write --limit 20');
  const events = await (await context.operations()).audit(limit === undefined ? {} : { limit: Number(limit) });
  return { exit: 0, document: { events }, text: events.length === 0 ? 'nothing happened yet' : eventsTable(events, context) };
}

function eventsTable(events: readonly EventView[], context: Context): string {
  // The table of local times does not fit 80 columns.
  const clock = { ...context.clock(), utc: context.globals.utc || context.screen.width < 110 };
  const columns = [{ title: 'when' }, { title: 'what' }, { title: 'id' }, { title: 'by', least: 8 }, { title: 'about', least: 8 }];
  const rows = events.map(({ at, type, requestId, actor, role, holder, target }) => [
    showRecord(at, clock),
    type,
    requestId ?? '-',
    actor,
    [role, holder, target].filter((part) => part !== undefined).join(' ') || '-',
  ]);
  return table(columns, rows, context.screen);
}
