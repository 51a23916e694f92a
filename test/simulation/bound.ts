/** What must hold of access that ends with a shift or an incident: D1 to D3. It is judged by what the roster answered to sweeps, and by what was true. */

import { graceMs } from './config.ts';
import { isOff, type Reason } from './duty.ts';
import type { RequestRow } from './rows.ts';
import { count, type Process, violate, type World } from './world.ts';

/** Who is on duty for it, or that no answer came. */
export type Heard = ReadonlySet<string> | 'nothing';

/** As it was last decided: what was heard of it before does not count. */
type Version = { readonly version: number };
/** Since when every sweep has heard that the person is not, by reason. */
export type Refuted = Version & { readonly since: ReadonlyMap<Reason, number> };
/** When a sweep that had nothing in its way knew it of all reasons. */
export type Known = Version & { readonly at: number };

type Bound = { readonly request: RequestRow; readonly reasons: readonly Reason[] };

/** Nothing where it has an end that no roster says. */
function reasonsOf({ decision, incident }: RequestRow): readonly Reason[] {
  const { endsWith = [] } = JSON.parse(decision) as { endsWith?: readonly { condition: { kind: string; schedule?: string } }[] };
  return endsWith.flatMap(({ condition }) =>
    condition.schedule === 'primary' ? ['on call' as const] : incident === null ? [] : [incident as Reason],
  );
}

/** What is open, and ends with a shift or an incident. */
export function bound({ rows }: World): readonly Bound[] {
  return [...rows.requests.values()].flatMap((request) => {
    const reasons = request.open === 1 && request.state === 'approved' ? reasonsOf(request) : [];
    return reasons.length === 0 ? [] : [{ request, reasons }];
  });
}

export function hears(world: World, process: Process, reason: Reason, heard: Heard): void {
  process.heard.set(reason, heard);
  if (!process.what.startsWith('sweep')) return;
  for (const { request, reasons } of bound(world)) {
    if (!reasons.includes(reason) || heard === 'nothing' || heard.has(request.email)) continue;
    const before = refutedOf(world, request);
    if (!before.has(reason)) world.refuted.set(request.id, { version: request.version, since: new Map([...before, [reason, world.now]]) });
  }
}

function refutedOf({ refuted }: World, { id, version }: RequestRow): ReadonlyMap<Reason, number> {
  const known = refuted.get(id);
  return known?.version === version ? known.since : new Map();
}

/** D1: before its own end it ends only where a sweep has heard that none of its reasons holds, and has heard nothing else for their grace. */
export function checkEarlyEnd(world: World, process: Process, request: RequestRow): void {
  const reasons = reasonsOf(request);
  if (reasons.length === 0) return;
  count(world, 'access ended early, with its shift or incident');
  const unheard = reasons.find((reason) => {
    const heard = process.heard.get(reason);
    return heard === undefined || heard === 'nothing' || heard.has(request.email);
  });
  if (unheard !== undefined) {
    violate(world, `D1: request ${request.id} was ended early, and nobody has said that ${request.email} is not ${unheard}`);
    return;
  }
  const since = refutedOf(world, request);
  const hasty = reasons.find((reason) => world.now - (since.get(reason) ?? world.now) < graceMs);
  // By a host's clock that was set meanwhile its grace is longer or shorter.
  if (hasty !== undefined && world.config.clockStep === 0)
    violate(world, `D1: request ${request.id} was ended early, before the grace after ${hasty} was over`);
}

/** D2, and D3: nobody is told that a roster could say, or not told that it could not. Called where no other process ran beside this sweep and it has come to its end. */
export function checkBound(world: World, process: Process): void {
  const { heard } = process;
  for (const { request, reasons } of bound(world)) {
    const answers = reasons.map((reason) => heard.get(reason));
    // It had no time to ask, or it was decided after that.
    if (answers.includes(undefined)) continue;
    const isKept = answers.some((answer) => answer !== 'nothing' && answer?.has(request.email));
    const isUnknown = !isKept && answers.includes('nothing');
    if (isKept) for (const what of [world.refuted, world.known]) what.delete(request.id);
    if ((request.unknownSince !== null) !== isUnknown)
      violate(
        world,
        `D3: request ${request.id} ${isUnknown ? 'is not shown' : 'is shown'} as one of which nobody could say whether it still holds`,
      );
    if (isUnknown) count(world, 'access went on, as nobody could say whether it still holds');
    if (!isKept && !isUnknown) checkEnded(world, process, { request, reasons });
  }
}

/** D2: whose reasons have all been known not to hold for their grace has lost it after the next sweep that can ask. */
function checkEnded(world: World, { startedAt }: Process, { request, reasons }: Bound): void {
  const { id, version, email } = request;
  const before = world.known.get(id);
  const isOver = (since: number): boolean => reasons.every((reason) => isOff(world, reason, email, since));
  if (!isOver(startedAt)) world.known.delete(id);
  else if (before?.version !== version || !isOver(before.at)) world.known.set(id, { version, at: world.now });
  else if (
    startedAt >= before.at + graceMs &&
    [...world.rows.grants.values()].some((grant) => grant.requestId === id && grant.state === 'active')
  )
    violate(world, `D2: ${email} still has ${id}, although it was known for its grace that nothing of it holds`);
}
