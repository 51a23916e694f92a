/** What a broker tells a monitoring system: ages, counts and latencies. No person is in any label, and the labels are few. */

import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Health } from './host.ts';

export type Metrics = {
  readonly contentType: string;
  called(operation: string, status: number, seconds: number): void;
  refused(code: string): void;
  /** `undefined`: the ledger cannot be asked. */
  text(health: Health | undefined, isReady: boolean, underWay: number): Promise<string>;
};

/** A policy may name more; what is over counts together. */
const MOST = 200;

export function metrics(version: string): Metrics {
  const registers = [new Registry()];
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge({ name: `oncall_${name}`, help, labelNames, registers });
  const seconds = new Histogram({
    name: 'oncall_call_duration_seconds',
    help: 'How long calls took, by operation and status of the answer.',
    labelNames: ['operation', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
    registers,
  });
  const refused = new Counter({
    name: 'oncall_calls_refused_total',
    help: 'Calls that were refused or failed, by the code of the error.',
    labelNames: ['code'],
    registers,
  });
  gauge('info', 'The version that runs.', ['version']).set({ version }, 1);
  const ready = gauge('ready', '1 where /readyz says so.');
  const underWay = gauge('operations_under_way', 'Operations that have begun and not ended.');
  const age = gauge('sweep_age_seconds', 'Since the last sweep that ended its work on the directory; no value where there was none.', [
    'directory',
  ]);
  const late = gauge('sweep_late', '1 where nothing is granted in the directory because its sweep is late.', ['directory']);
  const grants = gauge('grants', 'Grants that have not ended.', ['role', 'state']);
  const pastEnd = gauge('grants_past_end', 'Grants past their end by more than the allowance.');
  const stuck = gauge('grants_stuck', 'Grants whose end has failed again and again.');
  const drift = gauge('members_drift', 'Members whom nobody let in through oncall.');
  const rejected = gauge('policy_rejected', '1 where the policy file is not used because of a fault, and the one before it still counts.');
  const codes = new Set<string>();

  const show = (health: Health): void => {
    const directories = bounded(health.sweeps.map(({ directory }) => directory));
    for (const { directory, lastAt, late: isLate } of health.sweeps) {
      if (!directories.has(directory)) continue;
      if (lastAt !== undefined) age.set({ directory }, Math.max(0, health.now - lastAt) / 1000);
      late.set({ directory }, isLate ? 1 : 0);
    }
    const roles = bounded(health.grants.map(({ role }) => role));
    for (const { role, state, count } of health.grants) grants.inc({ role: roles.has(role) ? role : 'other', state }, count);
    pastEnd.set(health.pastEnd);
    stuck.set(health.stuck);
    drift.set(health.drift);
    rejected.set(health.policyRejected ? 1 : 0);
  };

  return {
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    called: (operation, status, took) => seconds.observe({ operation, status }, took),
    refused: (code) => {
      if (codes.size < MOST) codes.add(code);
      refused.inc({ code: codes.has(code) ? code : 'other' });
    },
    text: async (health, isReady, count) => {
      for (const one of [age, late, grants, pastEnd, stuck, drift]) one.reset();
      // A gauge without labels is 0 after that, which would say that all is well.
      for (const one of [pastEnd, stuck, drift]) if (health === undefined) one.set(Number.NaN);
      if (health !== undefined) show(health);
      ready.set(isReady ? 1 : 0);
      underWay.set(count);
      return (registers[0] as Registry).metrics();
    },
  };
}

const bounded = (names: readonly string[]): ReadonlySet<string> => new Set([...new Set(names)].slice(0, MOST));
