/** `doctor`: looks at everything that access rests on, and changes nothing. What fails costs its own line only. */

import { OncallError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { callWithinMs, rememberUnansweredMs } from '../lifecycle/limits.ts';
import type { GroupPin } from '../lifecycle/types.ts';
import type { Deps } from './deps.ts';
import { type Attempt, attempt, check, counted, fault } from './doctor-check.ts';
import { checkDirectory } from './doctor-directory.ts';
import { checkLedger, withoutLedger } from './doctor-ledger.ts';
import { checkNotices } from './doctor-notices.ts';
import { checkPeople } from './doctor-people.ts';
import { checkRoster } from './doctor-roster.ts';
import { ledgerNamed } from './names.ts';
import { requireAdmin } from './rights.ts';
import type { Check, DoctorResult } from './types.ts';

export async function doctor(deps: Deps, deadline: AbortSignal = AbortSignal.timeout(callWithinMs)): Promise<DoctorResult> {
  const { policy } = deps;
  if (deps.throughBroker) await requireAdmin(deps, await deps.actor(), 'look into the broker');
  const [opened, actor] = await Promise.all([openLedger(deps), attempt('', deps.actor)]);
  const person = 'value' in actor ? actor.value.email : undefined;
  const { inUse, known } = 'ledger' in opened ? opened : { inUse: [], known: [] };
  const names = [...new Set([...Object.keys(policy.directories), ...inUse.map(({ directory }) => directory)])];
  deps.progress(`asking ${[...names, ...Object.keys(policy.rosters)].join(', ')} …`);
  const [directories, rosters] = await Promise.all([
    Promise.all(
      names.map((name) =>
        checkDirectory(deps, name, { inUse: inUse.filter((group) => group.directory === name), known, person, deadline }),
      ),
    ),
    Promise.all(Object.keys(policy.rosters).map(async (name) => ({ name, ...(await checkRoster(deps, name, deadline)) }))),
  ]);
  const people = await checkPeople(policy, {
    directories: new Map(directories.map((report) => [report.name, report])),
    rosters: new Map(rosters.map((report) => [report.name, report])),
  });
  const readings = directories.flatMap((report) => report.readings);
  const told = await checkNotices(deps, 'ledger' in opened ? opened.ledger : undefined, deadline);
  const remembered = 'ledger' in opened ? await checkLedger(deps, opened.ledger, readings) : withoutLedger(deps, opened.line);
  requireUninterrupted(deps);
  return {
    checks: [
      ...howItRuns(deps),
      signIn(deps, actor),
      ...[...directories, ...rosters].flatMap(({ checks }) => checks),
      ...(deps.policyFault === undefined ? people : [check('identity', 'people', 'skipped', deps.policyFault)]),
      ...told,
      ...remembered,
    ],
  };
}

type Opened = {
  readonly ledger: Ledger;
  readonly inUse: readonly (GroupPin & { readonly directory: string })[];
  /** Which account each directory's name stands for. */
  readonly known: readonly { readonly name: string; readonly account: string }[];
};

async function openLedger(deps: Deps): Promise<Opened | { readonly line: Check }> {
  // Whoever makes the file owns it; that should be the user of the sweep.
  if (deps.ledgerExists?.() === false) return { line: await noLedger(deps) };
  try {
    const ledger = await deps.ledger();
    return await ledger.read(async (q, now) => ({
      ledger,
      inUse: await q.groupsInUse(now - rememberUnansweredMs),
      known: await q.directories(),
    }));
  } catch (error) {
    return { line: fault('ledger', await ledgerNamed(deps), error) };
  }
}

async function noLedger(deps: Deps): Promise<Check> {
  const place = await ledgerNamed(deps);
  const kept = await attempt('', () => deps.anchor.read());
  if ('error' in kept) return fault('ledger', place, kept.error);
  if (kept.value === undefined)
    return check('ledger', place, 'warning', 'there is none yet; the first sweep makes it', 'as the user of the sweep: oncall sweep');
  const because = `it is gone: ${counted(kept.value.seq, 'event')} had been seen in it, so nothing is granted`;
  return check('ledger', place, 'fault', because, 'put it back, or begin a new one: oncall ledger recover');
}

function howItRuns({ courtesy, throughBroker, policy: { path, digest }, policyRejected }: Deps): readonly Check[] {
  if (throughBroker) return inForce(`${path}, SHA-256 ${digest}`, policyRejected);
  if (!courtesy) return [];
  const because = 'a courtesy, not a control: whoever runs this can also read the credentials it uses';
  return [
    check(
      'policy',
      'direct',
      'warning',
      because,
      'it is a control where people reach it only through one sudo rule (README, Direct and broker)',
    ),
  ];
}

/** Nobody but whoever reads the broker's log would know that what they wrote does not count. */
function inForce(which: string, rejected: string | undefined): readonly Check[] {
  const line = check('policy', 'in force', 'ok', which);
  if (rejected === undefined) return [line];
  const because = `the broker's file is not in force (${rejected}); the policy before it is: ${which}`;
  return [
    check(
      'policy',
      "the broker's file",
      'fault',
      because,
      "mend it on the broker's host, until this finds nothing there: oncall policy check",
    ),
  ];
}

function signIn({ policyFault }: Deps, actor: Attempt<{ readonly email: string; readonly issuer: string }>): Check {
  if (policyFault !== undefined) return check('sign-in', 'you', 'skipped', policyFault);
  if ('error' in actor) return { ...fault('sign-in', 'you', actor.error), outcome: 'warning' };
  const { email, issuer } = actor.value;
  return check('sign-in', email, 'ok', issuer === 'local' ? 'nothing proves it: identity is local' : `signed in at ${issuer}`);
}

/** What was asked then says nothing about the sources. */
function requireUninterrupted({ signal }: Deps): void {
  if (signal.aborted) throw new OncallError('interrupted', 'interrupted', { exit: 130, next: 'oncall doctor' });
}
