/** When everything is up again: what was lost, what was done twice, what did not end. Each line is one fault. */

import { type Connection, connection, newTally, type Tally } from './connection.ts';
import { type Done, learn } from './load.ts';
import { boss, groups, type StormWorld } from './world.ts';

type Event = {
  readonly seq: number;
  readonly type: string;
  readonly at: number;
  readonly requestId?: string;
  readonly grantId?: string;
  readonly target?: string;
  readonly holder?: string;
  readonly role?: string;
  readonly endReason?: string;
};

/** Longer than a claim of a broker that died is kept, and than any access that was given. */
const claimsEndMs = 130_000;

export async function verdict(
  world: StormWorld,
  done: Done,
  failedRequests: Tally['failedRequests'],
): Promise<{ readonly faults: readonly string[]; readonly events: number; readonly repeated: number }> {
  const faults: string[] = [];
  let repeated = 0;
  const tally = newTally();
  const lines = Array.from({ length: 10 }, (_, index) => connection(world, tally, index));
  const [line] = lines as [Connection];
  const sideBySide = async <T>(all: readonly T[], work: (one: T, on: Connection) => Promise<void>): Promise<void> => {
    const queue = all.values();
    await Promise.all(
      lines.map(async (on) => {
        for (const one of queue) await work(one, on);
      }),
    );
  };
  try {
    await sideBySide(done.answered, async ({ call, said }, on) => {
      const again = await on.again(call, { tries: 3, timeoutMs: 1_500 });
      // The answer could not be kept while the database was down.
      if (again === undefined) return;
      const now = `${again.status} ${JSON.stringify(again.document)}`;
      if (now === said) repeated += 1;
      else faults.push(`${call.name} of ${call.who} was answered ${said.slice(0, 300)}, and the same call again ${now.slice(0, 300)}`);
    });
    await world.pass(claimsEndMs);
    await sideBySide(done.open, async (call, on) => {
      const answered = await on.again(call, { tries: 40 });
      if (answered === undefined) faults.push(`${call.name} of ${call.who} is never answered`);
      else learn(done, answered);
    });
    await world.pass(claimsEndMs);
    for (let sweep = 1; sweep <= 2; sweep++) {
      const { answered } = await line.call(boss, 'sweep');
      const { failed, remaining } = answered?.document.result ?? {};
      if (answered?.status !== 200 || failed !== 0) faults.push(`sweep ${sweep}: ${JSON.stringify(answered)}`);
      if (sweep === 2 && remaining !== 0) faults.push(`${remaining} grants remain`);
    }
    const left = Object.entries(world.members()).filter(
      ([name, members]) => (groups as readonly string[]).includes(name) && members.length > 0,
    );
    for (const [name, members] of left) faults.push(`still in ${name}: ${members.join(', ')}`);
    const open = (await line.call(boss, 'status')).answered?.document.result;
    // Some still wait for somebody's yes.
    const standing = open?.requests.filter(({ state }: { state: string }) => state !== 'pending');
    if (open?.grants.length !== 0 || standing.length !== 0) faults.push(`status: ${JSON.stringify(open)}`);
    const chain = (await line.call(boss, 'verify')).answered?.document.result;
    if (chain === undefined || chain.breach !== undefined) faults.push(`the chain is not whole: ${JSON.stringify(chain)}`);
    const events = await trail(line);
    faults.push(...inTrail(events, done, failedRequests), ...tally.wrong);
    const unseemly = world
      .logs()
      .split('\n')
      .filter((text) => /^\s+at |CANARY|node:internal/.test(text));
    faults.push(...unseemly.map((text) => `a broker has said: ${text}`));
    return { faults, events: events.length, repeated };
  } finally {
    for (const one of lines) one.close();
  }
}

/** All of it, oldest first; the broker gives so many at once. */
async function trail(line: Connection): Promise<readonly Event[]> {
  const events: Event[] = [];
  for (let before: number | undefined; before !== 1; before = events[0]?.seq) {
    const { answered } = await line.call(boss, 'audit', { limit: 5_000, ...(before === undefined ? {} : { before }) });
    const page: readonly Event[] = (answered?.document.result ?? []).map((event: { body: string }) => ({
      ...event,
      // In the record alone.
      grantId: JSON.parse(event.body).grantId,
    }));
    if (page.length === 0) throw new Error(`the trail cannot be read before ${before}: ${JSON.stringify(answered)}`);
    events.unshift(...page);
  }
  return events;
}

function inTrail(events: readonly Event[], done: Done, failedRequests: Tally['failedRequests']): readonly string[] {
  const faults: string[] = [];
  const of = (type: string): readonly Event[] => events.filter((event) => event.type === type);
  const active = new Set(of('grant.active').map(({ requestId }) => requestId));
  for (const { call, requestId } of done.granted) {
    if (!active.has(requestId)) faults.push(`${call.who} was told ${requestId} is granted, and the trail does not know of it`);
  }

  /** How often that is said of each grant. A member whom a reading of the group found is adopted: that is one more grant, of the same request. */
  const times = (...types: readonly string[]): Map<string, number> => {
    const counted = new Map<string, number>();
    for (const { grantId } of types.flatMap(of)) counted.set(grantId ?? '', (counted.get(grantId ?? '') ?? 0) + 1);
    return counted;
  };
  const [begun, activated, ended] = [times('grant.activating', 'member.adopted'), times('grant.active'), times('grant.ended')];
  for (const grant of new Set([...begun.keys(), ...activated.keys(), ...ended.keys()])) {
    const [intended = 0, given = 0, over = 0] = [begun.get(grant), activated.get(grant), ended.get(grant)];
    if (grant !== '' && intended === 1 && given <= 1 && over === 1) continue;
    const trail = events
      .filter(({ grantId, requestId }) => grantId === grant || requestId === grant.split('.')[0])
      .map(({ type, grantId, endReason = '', at }) => `${at} ${type} ${grantId ?? ''} ${endReason}`);
    faults.push(`${grant} was intended ${intended} times, given ${given} times, ended ${over} times: ${trail.join('; ')}`);
  }

  // What nobody was told of may have been done once by each call that nobody answered, and by each try whose answer was an outage.
  const untold = of('request.approved').filter(({ requestId = '' }) => !done.known.has(requestId));
  for (const who of new Set(untold.map(({ holder }) => holder))) {
    const requests = new Set(untold.filter(({ holder }) => holder === who).map(({ requestId }) => requestId));
    const unanswered = done.open.filter((call) => call.name === 'request' && call.who === who).length;
    const failed = failedRequests.get(who ?? '') ?? 0;
    if (requests.size > unanswered + failed)
      faults.push(
        `${who} has ${requests.size} requests beside what was answered; ${unanswered} calls went unanswered, ${failed} tries failed`,
      );
  }
  faults.push(...atOnce(events));

  const ends = new Map(of('grant.ended').map((event) => [event.requestId, event]));
  for (const { requestId, expiresAt, call } of done.granted) {
    const end = ends.get(requestId);
    if (end?.endReason === 'expired' && end.at < expiresAt)
      faults.push(`${requestId} of ${call.who} ended ${expiresAt - end.at} ms too early`);
  }

  const migrating = new Set(
    of('request.approved')
      .filter(({ role }) => role === 'migration')
      .map(({ requestId }) => requestId),
  );
  const live = new Map<string, string>();
  for (const { type, grantId = '', requestId = '' } of events) {
    if (!migrating.has(requestId)) continue;
    if (type === 'grant.activating') live.set(grantId, requestId);
    if (type === 'grant.ended') live.delete(grantId);
    const inPlace = new Set(live.values());
    if (inPlace.size > 1) faults.push(`at once in the one place: ${[...inPlace].join(', ')}`);
  }
  return faults;
}

/** Whoever asks again while they hold a role is told of the request that they hold it by. */
function atOnce(events: readonly Event[]): readonly string[] {
  const faults: string[] = [];
  const [asked, live] = [new Map<string, Event>(), new Map<string, string>()];
  for (const event of events) {
    const { type, requestId = '', grantId = '' } = event;
    if (type === 'request.approved') asked.set(requestId, event);
    // What is about to end does not keep them from asking again.
    if (type === 'grant.revoking' || type === 'grant.ended') live.delete(grantId);
    if (type !== 'grant.activating') continue;
    const { holder, role } = asked.get(requestId) ?? {};
    const beside = [...live.values()].find((id) => id !== requestId && asked.get(id)?.holder === holder && asked.get(id)?.role === role);
    if (beside !== undefined) faults.push(`${holder} has ${role} twice at once: ${beside}, ${requestId}`);
    live.set(grantId, requestId);
  }
  return faults;
}
