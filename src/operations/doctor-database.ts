/** `doctor` on what the ledger stands on: its tables, the database they are in, and whose clock it goes by. */

import { clockSkewMs, factsWithinMs } from '../lifecycle/limits.ts';
import { formatDuration } from '../policy/duration.ts';
import type { Deps, LedgerFacts } from './deps.ts';
import { check, some } from './doctor-check.ts';
import { hostNamed, ledgerClock } from './names.ts';
import type { Check } from './types.ts';

export async function checkItself(deps: Deps, place: string): Promise<readonly Check[]> {
  const facts = await deps.ledgerFacts?.();
  if (facts === undefined) return [];
  return [...moved(facts, deps, place), ...server(facts, deps, place)];
}

function moved({ closed }: LedgerFacts, deps: Deps, place: string): readonly Check[] {
  if (closed === undefined) return [];
  const because = `${closed}; nothing is written to it, and nobody is let in`;
  return [
    check(
      'ledger',
      place,
      'fault',
      because,
      `name the ledger that is in use under \`ledger\` in the policy of ${hostNamed(deps)}; docs/operations.md`,
    ),
  ];
}

function server({ server: about, schema, upgraded }: LedgerFacts, { throughBroker }: Deps, place: string): readonly Check[] {
  if (about === undefined) return [];
  const { version, user, isSuperuser, anybodyMayCreate, tls, missing } = about;
  const by = [upgraded?.program ? `by oncall ${upgraded.program}` : '', upgraded?.host ? `on ${upgraded.host}` : ''].filter(
    (part) => part !== '',
  );
  const made = by.length === 0 ? '' : `, made ${by.join(' ')}`;
  const line = (outcome: Check['outcome'], because: string, next?: string): Check => check('ledger', place, outcome, because, next);
  return [
    line(
      'ok',
      `PostgreSQL ${version}, ${tls ?? `not encrypted, and on ${throughBroker ? "the broker's" : 'this'} machine`}; schema ${schema}${made}`,
    ),
    ...(missing.length === 0
      ? []
      : [line('fault', `its user ${user} lacks rights there: ${some(missing)}`, 'give it those rights: docs/operations.md')]),
    ...(isSuperuser
      ? [
          line(
            'warning',
            `its user ${user} is a superuser: it could do anything to every database of that server`,
            'use a user of its own: docs/operations.md',
          ),
        ]
      : []),
    ...(anybodyMayCreate
      ? [
          line(
            'fault',
            'every user of that database may create things beside its tables, which would run with its rights',
            'REVOKE CREATE ON SCHEMA public FROM PUBLIC; docs/operations.md',
          ),
        ]
      : []),
  ];
}

/** `offsetMs`: how far the ledger's time is ahead of this host's. */
export function clocks(deps: Deps, behindMs: number, offsetMs = 0): readonly Check[] {
  return 'sqlite' in deps.policy.ledger ? [ledgers(deps, behindMs)] : [ledgers(deps, behindMs), own(deps, offsetMs)];
}

/** The one that access ends by. */
function ledgers(deps: Deps, behindMs: number): Check {
  const what = ledgerClock(deps);
  const skewMs = deps.clockSkew();
  const line = (outcome: Check['outcome'], because: string): Check =>
    check(
      'clock',
      what,
      outcome,
      because,
      `set the clock of ${what === hostNamed(deps) ? what : `${what}'s host`}: timedatectl set-ntp true`,
    );
  if (behindMs > clockSkewMs) return line('fault', `${formatDuration(behindMs)} behind what the ledger has seen, so nobody is let in`);
  if (skewMs === undefined) return check('clock', what, 'skipped', 'no provider told the time to compare it with');
  if (skewMs > clockSkewMs) return line('fault', `${formatDuration(skewMs)} off the clock of a provider, so nobody is let in`);
  // A provider tells whole seconds, and its answer was under way.
  if (skewMs > clockSkewMs / 6) return line('warning', `${formatDuration(skewMs)} off the clock of a provider`);
  return check('clock', what, 'ok', 'within 10 s of every provider that tells the time');
}

/** Nothing ends by it; but what a command has asked before it reaches the ledger is as old to the ledger as the two differ. */
function own(deps: Deps, offsetMs: number): Check {
  const host = hostNamed(deps);
  const offMs = Math.abs(offsetMs);
  const next = `set the clock of ${host}: timedatectl set-ntp true`;
  const off = `${formatDuration(offMs)} off the clock of the database`;
  if (offMs > factsWithinMs)
    return check('clock', host, 'fault', `${off}, so nobody is let in ${deps.throughBroker ? 'by it' : 'from here'}`, next);
  if (offMs > clockSkewMs / 6) return check('clock', host, 'warning', off, next);
  return check('clock', host, 'ok', 'within 10 s of the database');
}
