/** `doctor` finds, before the incident does, who of a named schedule cannot be found in a directory of the role: with every kind of roster, now and in the days to come. */

import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startIncidentIo } from '../fakes/incident-io.ts';
import { startOpsgenie } from '../fakes/opsgenie.ts';
import { startPagerDuty } from '../fakes/pagerduty.ts';
import { type Stage, stage } from './stage.ts';

type Shift = { readonly user: string; readonly start: string; readonly end: string };
type Kind = {
  /** The roster `ours` in the policy, and the schedule that it has these shifts on. */
  readonly settings: string;
  readonly schedule: string;
  readonly secret?: string;
  readonly files?: (shifts: readonly Shift[]) => Readonly<Record<string, string>>;
  readonly arrange?: (shift: Shift & { readonly schedule: string }) => void;
  readonly stop?: () => Promise<void>;
};

const primary = 'Database Primary';

const kinds: Readonly<Record<string, () => Promise<Kind>>> = {
  pagerduty: async () => {
    const fake = await startPagerDuty();
    const settings = `kind: pagerduty, token: { env: ROSTER_KEY }, endpoint: ${fake.url}`;
    return { settings, schedule: fake.schedule(primary), secret: fake.key, arrange: fake.shift, stop: fake.stop };
  },
  opsgenie: async () => {
    const fake = await startOpsgenie();
    const settings = `kind: opsgenie, key: { env: ROSTER_KEY }, endpoint: ${fake.url}`;
    return { settings, schedule: primary, secret: fake.key, arrange: fake.shift, stop: fake.stop };
  },
  'incident-io': async () => {
    const fake = await startIncidentIo();
    const settings = `kind: incident-io, key: { env: ROSTER_KEY }, endpoint: ${fake.url}`;
    return { settings, schedule: primary, secret: fake.key, arrange: fake.shift, stop: fake.stop };
  },
  file: async () => ({
    settings: 'kind: file, path: ./schedule.yaml',
    schedule: primary,
    files: (shifts) => ({ 'schedule.yaml': JSON.stringify({ schedules: { [primary]: shifts } }) }),
  }),
  command: async () => ({
    settings: 'kind: command, run: [./our-roster]',
    schedule: primary,
    files: (shifts) => ({
      'our-roster': `#!/bin/sh\necho '${JSON.stringify({ schema: 1, shifts: shifts.map((one) => ({ ...one, schedule: primary })) })}'\n`,
    }),
  }),
};

const hour = 3_600_000;
const policy = ({ settings, schedule }: Kind): string => `version: 1
ledger: ./oncall.db
directories: { local: { path: ./groups.json } }
rosters: { ours: { ${settings} } }
roles:
  db-admin: { targets: { local: db-admins }, allow: [ { onCall: ours/${schedule} } ] }
`;

async function told(s: Stage) {
  const { exit, document } = await s.json('maria', 'doctor');
  const checks = document['checks'] as readonly Readonly<Record<'area' | 'what' | 'outcome' | 'because', string>>[];
  expect(checks.find(({ area }) => area === 'roster')).toMatchObject({ outcome: 'ok', because: 'it answers: 1 person on call now' });
  return {
    exit,
    people: checks.filter(({ area }) => area === 'identity').map(({ outcome, what, because }) => `${outcome} ${what}: ${because}`),
  };
}

describe.each(Object.entries(kinds))('the people of a schedule of %s', (_, start) => {
  it.each(['main()', 'the built bundle'] as const)('are found missing before the night: %s', async (door) => {
    const kind = await start();
    const from = (hours: number) => `${new Date(Date.now() + hours * hour).toISOString().slice(0, 19)}Z`;
    const shift = (user: string, hours: number): Shift => ({ user: `${user}@acme.dev`, start: from(hours), end: from(hours + 24) });
    const shifts = [shift('ghost', -12), shift('maria', 12), shift('later', 72), shift('far', 15 * 24)];
    const groups = (users: readonly string[]): string =>
      JSON.stringify({ users: users.map((name) => `${name}@acme.dev`), groups: { 'db-admins': [] } });
    const files = { 'oncall.yaml': policy(kind), 'groups.json': groups(['maria']), ...kind.files?.(shifts) };
    const s = stage(door, files, kind.secret === undefined ? {} : { ROSTER_KEY: kind.secret });
    try {
      for (const one of shifts) kind.arrange?.({ ...one, schedule: primary });
      if (files['our-roster' as keyof typeof files] !== undefined) chmodSync(join(s.folder, 'our-roster'), 0o700);
      expect(await s.run('cron', 'sweep')).toMatchObject({ exit: 0 });
      const on = `on call for ours/${kind.schedule}`;
      expect(await told(s)).toEqual({
        exit: 1,
        people: [
          `fault ghost@acme.dev: local has no such user; ${on}, for db-admin`,
          `fault later@acme.dev: local has no such user; ${on} from ${shifts[2]?.start} on, for db-admin`,
        ],
      });
      s.write('groups.json', groups(['maria', 'ghost', 'later']));
      expect(await told(s)).toEqual({
        exit: 0,
        people: ['ok people: everybody on call, now or soon, or named under people:, is known where it matters'],
      });
    } finally {
      s.remove();
      await kind.stop?.();
    }
  });
});
