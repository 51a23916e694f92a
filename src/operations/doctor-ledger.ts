/** `doctor` on what the ledger remembers: sweeps, grants that do not end, members whom no grant explains. */

import type { Ledger, Queries } from '../ledger/ledger.ts';
import { planReconcile } from '../lifecycle/reconcile.ts';
import { formatDuration } from '../policy/duration.ts';
import { nameOf } from '../policy/iam-role.ts';
import { readNow, type Standing, standing } from './anchor.ts';
import type { Deps } from './deps.ts';
import { check, counted, fault, some } from './doctor-check.ts';
import { checkItself, clocks } from './doctor-database.ts';
import type { GroupReading } from './doctor-directory.ts';
import { standingAccess } from './doctor-standing.ts';
import { adoptCommand, ledgerNamed } from './names.ts';
import { status } from './status.ts';
import type { Check, StatusResult } from './types.ts';

/** A broker sweeps by itself, unless that was turned off. */
const looked = 'look at the log of the broker, or of what sweeps for it; here: oncall sweep';
const unswept = 'run it once by hand, then from cron every 5 minutes: oncall sweep';

export async function checkLedger(deps: Deps, ledger: Ledger, readings: readonly GroupReading[]): Promise<readonly Check[]> {
  const place = await ledgerNamed(deps);
  try {
    const state = await status(deps, {});
    const anchor = readNow(deps.anchor);
    const stands = await ledger.read((q, now) => standing(anchor, q, now));
    const members = await ledger.read((q, now) => Promise.all(readings.map((reading) => checkMembers(deps, q, reading, now))));
    const behindMs = await ledger.read(async (q) => q.clockBehindMs);
    const open = `${counted(state.requests.length, 'open request')}, ${counted(state.grants.filter((grant) => grant.state !== 'ended').length, 'grant')} not ended`;
    return [
      check('ledger', place, 'ok', `it opens: ${open}`),
      ...(await checkItself(deps, place)),
      ...anchored(place, stands),
      ...clocks(deps, behindMs, ledger.offsetMs()),
      ...sweeps(deps, await ledger.read((q) => q.directories()), state),
      ...grants(state),
      ...standingAccess(state),
      ...members,
    ];
  } catch (error) {
    return withoutLedger(deps, fault('ledger', place, error));
  }
}

/** `because` is the line about the ledger itself. */
export function withoutLedger(deps: Deps, because: Check): readonly Check[] {
  const skipped = (area: Check['area'], what: string): Check => check(area, what, 'skipped', 'the ledger could not be read');
  const isNew = because.outcome !== 'fault';
  return [
    because,
    ...clocks(deps, 0),
    isNew
      ? check('sweep', 'every directory', 'fault', 'it has never run, so nobody is let in', unswept)
      : skipped('sweep', 'every directory'),
    ...(isNew ? [] : [skipped('grants', 'all'), skipped('members', 'all')]),
  ];
}

/** Nothing where all is well. */
function anchored(what: string, { fault: lost, kept, head }: Standing): readonly Check[] {
  if (lost !== undefined) return [check('ledger', what, 'fault', lost, 'oncall ledger recover')];
  if (kept !== undefined || head.seq === 0) return [];
  const because = 'no head of it is kept for this user, so it is not noticed when it is put back from a copy';
  return [check('ledger', what, 'warning', because, 'run the sweep as this user, who needs a home or XDG_STATE_HOME to keep it in')];
}

type Beat = { readonly name: string; readonly heartbeatAt?: number };

function sweeps({ policy, throughBroker }: Deps, beats: readonly Beat[], { now }: StatusResult): readonly Check[] {
  const allowance = policy.sweep.refuseWhenLateMs;
  return Object.keys(policy.directories).map((name) => {
    const at = beats.find((beat) => beat.name === name)?.heartbeatAt;
    if (at === undefined)
      return check('sweep', name, 'fault', 'it has never done its work there, so nobody is let in', throughBroker ? looked : unswept);
    const age = `it last did its work there ${now - at < 1000 ? 'just now' : `${formatDuration(now - at)} ago`}`;
    if (now - at <= allowance) return check('sweep', name, 'ok', age);
    return check(
      'sweep',
      name,
      'fault',
      `${age}; after ${formatDuration(allowance)} nobody is let in`,
      throughBroker ? looked : 'look at its cron line, and at what it says: oncall sweep',
    );
  });
}

const troubles = { 'past-end': 'past its end', stuck: 'stuck', 'action-needed': 'not ended', rotation: 'rotation' } as const;

function grants({ faults, grants: all }: StatusResult): readonly Check[] {
  const bad = faults.flatMap((fault) =>
    fault.code in troubles ? [{ ...fault, what: troubles[fault.code as keyof typeof troubles] }] : [],
  );
  if (bad.length === 0) return [check('grants', 'all', 'ok', 'none is past its end, none is stuck')];
  const again = `oncall sweep, which tries again; see what it meets: oncall status${all.length === 0 ? '' : ' <id>'}`;
  return bad.map(({ what, message, next = again }) => check('grants', what, 'fault', message, next));
}

/** What the next sweep would make of the members that are there now. */
async function checkMembers(deps: Deps, q: Queries, reading: GroupReading, now: number): Promise<Check> {
  const { directory, group, members, readAt } = reading;
  const [known, strangers, rows] = await Promise.all([
    q.managedGroup(directory, group.groupId),
    q.strangers(directory, group.groupId),
    q.membershipsOfGroup(directory, group.groupId),
  ]);
  const exclusive = deps.policy.directories[directory]?.exclusive.includes(group.groupName) ?? false;
  const plan = planReconcile({
    ...{ members, readAt, rows, exclusive, now },
    known: strangers.map(({ userId }) => userId),
    first: known === undefined,
    clean: known?.cleanAt !== undefined,
  });
  const still = strangers.filter(({ userId }) => !plan.forget.includes(userId));
  const before = [...still.filter(({ kind }) => kind === 'baseline'), ...plan.baseline];
  const drifted = [...still.filter(({ kind }) => kind === 'drift'), ...plan.drift];
  const what = nameOf({ directory, group: group.groupName });
  const names = (people: readonly { readonly userName: string }[]): string => some(people.map(({ userName }) => userName));
  if (plan.adopt.length > 0) {
    const out = names(plan.adopt.map(({ member }) => member));
    return check('members', what, 'warning', `the next sweep takes out ${out}: ${plan.adopt[0]?.because}`, 'oncall sweep');
  }
  if (exclusive && before.length + drifted.length > 0) {
    const problem = `exclusive, but no grant explains ${names([...before, ...drifted])}, so nobody is let in`;
    return check(
      'members',
      what,
      'fault',
      problem,
      `${adoptCommand({ directory, group: group.groupName })}; or take them out in ${directory}, then oncall sweep`,
    );
  }
  if (drifted.length > 0) {
    const problem = `came in without oncall: ${names(drifted)}`;
    return check('members', what, 'warning', problem, `nothing takes them out: if they should not be there, do it in ${directory}`);
  }
  const others = before.length === 0 ? '' : `, ${before.length} of them from before oncall; nothing takes those out`;
  return check('members', what, 'ok', `${counted(members.length, 'member')}${others}`);
}
