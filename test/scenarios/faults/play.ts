/** One failure, played: somebody is in and due, somebody asks, the sweep runs, and all of it while the provider fails; then it recovers. */

import { expect } from 'vitest';
import type { Door, Run } from '../stage.ts';
import type { Failure, Provider, Started } from './world.ts';

export type Told = { readonly exit: number; readonly error?: string; readonly why?: string; readonly next?: string; readonly out: string };
export type Row = { readonly failure: Failure; readonly request: Told; readonly sweep: Told; readonly login?: Told };

const minuteMs = 60_000;

/** What a run said, in the three parts; a stack or an inner name anywhere is a fault. */
export function told({ exit, out, err }: Run): Told {
  expect(err + out).not.toMatch(/\n\s+at |node:internal|undefined|\[object|NaN|Error:/);
  const part = (label: string): string | undefined =>
    new RegExp(`^ *${label}: +([\\s\\S]*?)(?=\\n *(?:error|why|next): |\\n*$(?![\\s\\S]))`, 'm').exec(err)?.[1];
  const [error, why, next] = [part('error'), part('why'), part('next')];
  return {
    exit,
    out,
    ...(error === undefined ? {} : { error }),
    ...(why === undefined ? {} : { why }),
    ...(next === undefined ? {} : { next }),
  };
}

/** Only a request, while the provider fails. */
export async function ask(started: Started, failure: Failure, door: Door): Promise<Told> {
  const { stage: s, ...world } = await started.open(door);
  try {
    const first = await s.run('cron', 'sweep');
    expect(first, first.err).toMatchObject({ exit: 0 });
    await world.fail(failure);
    const asked = await s.run('maria', 'request', 'reader');
    expect(asked.out).toBe('');
    expect(await world.members('readers')).toEqual([]);
    return told(asked);
  } finally {
    await world.heal();
    s.remove();
  }
}

/** Access that ends with a shift, while nobody can say whether the shift still stands. */
export async function keepWhatEndsWith(started: Started, failure: Failure, exit: number): Promise<void> {
  const { stage: s, ...world } = await started.open('main()');
  try {
    await s.run('cron', 'sweep');
    expect(await s.run('maria', 'request', 'watcher', '--for', '1h')).toMatchObject({ exit: 0 });
    await world.fail(failure);
    await s.pass(10 * minuteMs);
    const swept = await s.run('cron', 'sweep');
    expect(swept).toMatchObject({ exit });
    expect(swept.out + swept.err).toMatch(/PagerDuty .*; what ends with that stays until its own end/);
    expect(await world.members('readers')).toHaveLength(1);
  } finally {
    await world.heal();
    s.remove();
  }
}

/** An outage that lasts until grants are refused for it. */
export async function outlast(started: Started): Promise<void> {
  const { stage: s, ...world } = await started.open('main()');
  try {
    expect(await s.run('cron', 'sweep')).toMatchObject({ exit: 0 });
    await world.fail('down');
    await s.pass(14 * minuteMs);
    expect(await s.run('cron', 'sweep')).toMatchObject({ exit: 0, out: expect.stringContaining('later    okta is not available') });
    await s.pass(2 * minuteMs);
    const late = await s.run('cron', 'sweep');
    expect(late).toMatchObject({ exit: 1 });
    expect(told(late).why).toContain('okta is not available');
    await world.heal();
    expect((await s.run('maria', 'request', 'reader')).err).toContain('nothing is granted while the sweep is late');
    expect(await s.run('cron', 'sweep')).toMatchObject({ exit: 0 });
    expect(await s.run('maria', 'request', 'reader')).toMatchObject({ exit: 0 });
  } finally {
    await world.heal();
    s.remove();
  }
}

export async function play(started: Started, provider: Provider, failure: Failure, door: Door = 'main()'): Promise<Row> {
  const { stage: s, ...world } = await started.open(door);
  try {
    const first = await s.run('cron', 'sweep');
    expect(first, first.err).toMatchObject({ exit: 0 });
    const held = await s.run('maria', 'request', 'db-admin', '--for', '5m');
    expect(held, held.err).toMatchObject({ exit: 0 });
    expect(await world.members('db-admins')).toHaveLength(1);
    await s.pass(5 * minuteMs);

    await world.fail(failure);
    const [asked, login] = await Promise.all([
      s.run('maria', 'request', 'reader'),
      provider.name.startsWith('The issuer') ? s.run('maria', 'login', '--device') : undefined,
    ]);
    const swept = await s.run('cron', 'sweep');
    // Nobody in by halves, and nothing ended that could not be read back.
    expect(await world.members('readers')).toEqual([]);
    expect(await world.members('db-admins')).toHaveLength(provider.isDirectory ? 1 : 0);
    const { document } = await s.json('maria', 'status');
    const grants = document.grants as unknown as { state: string }[];
    expect(grants.map(({ state }) => state).filter((state) => state !== 'revoking')).toEqual([]);
    expect(grants.length).toBeGreaterThanOrEqual(provider.isDirectory ? 1 : 0);

    await world.heal();
    await s.pass(3 * minuteMs);
    const healed = await s.run('cron', 'sweep');
    expect(healed, healed.err).toMatchObject({ exit: 0 });
    expect([...(await world.members('db-admins')), ...(await world.members('readers'))]).toEqual([]);
    expect(await s.json('maria', 'status', '--check')).toMatchObject({ exit: 0, document: { requests: [], grants: [], faults: [] } });
    return { failure, request: told(asked), sweep: told(swept), ...(login === undefined ? {} : { login: told(login) }) };
  } finally {
    s.remove();
  }
}
