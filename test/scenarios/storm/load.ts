/** What many people do at once, each of them one thing after the other: ask, give back, look, and say yes. */

import { randomInt } from 'node:crypto';
import { type Answered, type Call, type Connection, connection, type Tally } from './connection.ts';
import type { StormWorld } from './world.ts';

export type Granted = { readonly call: Call; readonly requestId: string; readonly expiresAt: number };

export type Done = {
  /** Calls that were told that somebody is in. */
  readonly granted: Granted[];
  /** Requests that were named in any answer. */
  readonly known: Set<string>;
  /** Those that nobody answered. */
  readonly open: Call[];
  /** Answered ones, of which the same must be told again. */
  readonly answered: { readonly call: Call; readonly said: string }[];
  refused: number;
};

export const newDone = (): Done => ({ granted: [], known: new Set(), open: [], answered: [], refused: 0 });

const most = 2_000;

/** Until `isOver`; the people are this connection's alone. */
export async function load(
  world: StormWorld,
  tally: Tally,
  done: Done,
  who: { readonly people: readonly string[]; readonly index: number; readonly isOver: () => boolean },
): Promise<void> {
  const line = connection(world, tally, who.index);
  try {
    for (let turn = 0; !who.isOver(); turn++) {
      const [person, other] = [turn, turn + 1].map((index) => who.people[index % who.people.length] as string) as [string, string];
      await turnOf(line, done, person, other);
    }
  } finally {
    line.close();
  }
}

async function turnOf(line: Connection, done: Done, person: string, other: string): Promise<void> {
  const draw = randomInt(100);
  if (draw < 45) return ask(line, done, person, draw < 33 ? 'viewer' : 'migration');
  if (draw < 55) return askGuarded(line, done, person, other);
  if (draw < 75) return void keep(done, await line.call(person, 'release', { id: randomInt(2) === 0 ? 'viewer' : 'migration' }));
  if (draw < 95) return void keep(done, await line.call(person, 'status', { mine: true }));
  keep(done, await line.call(person, 'explain', { role: 'viewer', asked: { byDefault: true } }));
}

async function ask(line: Connection, done: Done, person: string, role: string): Promise<void> {
  const { call, answered } = await line.call(person, 'request', { role, asked: { forMs: 2_000 + randomInt(4_000) } });
  keep(done, { call, answered });
  note(done, call, answered);
}

async function askGuarded(line: Connection, done: Done, person: string, approver: string): Promise<void> {
  const { call, answered } = await line.call(person, 'request', { role: 'guarded', asked: { forMs: 3_000 }, reason: 'page 4711' });
  keep(done, { call, answered });
  note(done, call, answered);
  const pending = answered?.document.result;
  if (pending?.result !== 'pending') return;
  const yes = await line.call(approver, 'approve', { id: pending.request.id });
  keep(done, yes);
  note(done, yes.call, yes.answered);
}

/** Of which request an answer speaks. */
export function learn(done: Done, { document }: Answered): void {
  const id = document?.result?.request?.id;
  if (id !== undefined) done.known.add(id);
}

function note(done: Done, call: Call, answered: Answered | undefined): void {
  if (answered !== undefined) learn(done, answered);
  const result = answered?.document.result;
  if (answered?.status === 200 && ['granted', 'again'].includes(result?.result)) {
    done.granted.push({ call, requestId: result.request.id, expiresAt: result.request.expiresAt });
  }
}

function keep(done: Done, { call, answered }: { readonly call: Call; readonly answered: Answered | undefined }): void {
  if (answered === undefined) done.open.push(call);
  else if (answered.status !== 200) done.refused += 1;
  const isRead = call.name === 'status' || call.name === 'explain';
  // What failed is done anew.
  if (answered !== undefined && answered.status < 500 && !isRead && done.answered.length < most) {
    done.answered.push({ call, said: `${answered.status} ${JSON.stringify(answered.document)}` });
  }
}
