/** `request --wait` through a broker: followed live, through restarts, and left pending at Ctrl-C. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { brokerOperations } from '../../src/broker/client.ts';
import { serve } from '../../src/broker/server.ts';
import { main } from '../../src/cli.ts';
import type { Wiring } from '../../src/commands/context.ts';
import { createOperations } from '../../src/operations/index.ts';
import { fakeIo } from '../fakes/io.ts';
import { fakeWiring } from '../fakes/operations.ts';
import { role, rule, user } from '../operations/world.ts';
import { type BrokerWorld, startBroker, unlimited } from './world.ts';

const asked = role('migration', { allow: [], ask: [rule(user('maria'))], approvers: [rule(user('ana'))] });

let world: BrokerWorld;
afterEach(() => world.stop());

/** A look lasts as long as it says, and ends where nobody waits for it. */
const start = (): Promise<BrokerWorld> =>
  startBroker({
    company: { roles: [asked] },
    host: () => ({
      operationsFor: (actor, signal) => {
        const sleep = (ms: number): Promise<void> => delay(ms, undefined, { signal });
        return createOperations(world.company.deps('nobody', { actor: async () => actor, signal, sleep }));
      },
    }),
  });

/** Somebody at a terminal, whose commands go to that broker. */
function terminal(who: string) {
  const io = fakeIo();
  let ahead = 0;
  const wiring: Wiring = {
    ...fakeWiring({}),
    wire: async ({ now, signal, log }) => ({
      operations: brokerOperations({
        origin: world.host.origin,
        version: '9.8.7',
        authorization: async () => `Bearer ${world.token(who)}`,
        now,
        signal,
        log,
      }),
      issues: [],
      policy: { path: world.host.origin },
      close: async () => undefined,
    }),
  };
  const real = {
    ...io,
    now: () => Date.now() + ahead,
    sleep: async (ms: number) => {
      await delay(Math.min(ms, 50));
      ahead += Math.max(0, ms - 50);
    },
  };
  const run = async (...argv: string[]) => ({ exit: await main(argv, {}, real, wiring), out: io.out(), err: io.err() });
  return { run, io };
}

const pendingId = async (): Promise<string> => {
  for (;;) {
    const [found] = (await world.company.as('boss').status({})).requests;
    if (found !== undefined) return found.id;
    await delay(20);
  }
};

describe('waiting for a yes, through a broker', () => {
  it('ends in access as soon as somebody approves from another laptop', async () => {
    world = await start();
    const waiting = terminal('maria').run('request', 'migration', '--reason', 'x', '--wait');
    const approved = await terminal('ana').run('approve', await pendingId());
    expect(approved, approved.err).toMatchObject({ exit: 0 });
    const done = await waiting;
    expect(done, done.err).toMatchObject({ exit: 0, out: expect.stringContaining('approved by ana@acme.dev') });
    expect((await world.company.as('boss').status({})).grants).toMatchObject([{ holder: 'maria@acme.dev', state: 'active' }]);
  });

  it('goes on where the broker is started anew', async () => {
    world = await start();
    const { run, io } = terminal('maria');
    const waiting = run('request', 'migration', '--reason', 'x', '--wait', '--timeout', '10m');
    const id = await pendingId();
    await world.running.stop(0);
    while (!io.err().includes('still waiting')) await delay(20);
    const again = await serve(world.host, { listen: { host: '127.0.0.1', port: world.port }, limits: unlimited });
    try {
      expect((await terminal('ana').run('approve', id)).exit).toBe(0);
      const done = await waiting;
      expect(done, done.err).toMatchObject({ exit: 0, err: expect.stringContaining('there is an answer again') });
    } finally {
      await again.stop(0);
    }
  });

  it('leaves it pending at Ctrl-C', async () => {
    world = await start();
    const { run, io } = terminal('maria');
    const waiting = run('request', 'migration', '--reason', 'x', '--wait');
    const id = await pendingId();
    await delay(100);
    io.interrupt();
    expect(await waiting).toMatchObject({ exit: 130, err: expect.stringContaining(`request ${id} is still pending`) });
    expect((await world.company.as('maria').status({})).requests).toMatchObject([{ id, state: 'pending' }]);
  });
});
