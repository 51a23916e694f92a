/** What every kind of channel must do, whatever its medium. A new one runs this suite with hooks that arrange its world. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Notice } from '../../src/lifecycle/notice.ts';
import type { Sender } from '../../src/notices/notice.ts';

export const notice = (over: Partial<Notice> = {}): Notice => ({
  id: 'ledger-1/17',
  kind: 'waiting',
  at: Date.parse('2026-11-22T03:00:00Z'),
  title: 'maria@acme.dev asks for db-admin',
  lines: ['reason: replica lag', 'it waits until: 2026-11-22T04:00:00.000Z'],
  commands: ['oncall approve k7m2xq'],
  to: [{ email: 'boss@acme.dev', slack: 'U012AB3CD' }],
  request: 'k7m2xq',
  role: 'db-admin',
  holder: 'maria@acme.dev',
  until: Date.parse('2026-11-22T04:00:00Z'),
  ...over,
});

export type Trouble = 'down' | 'silent' | 'refusing' | 'forbidding' | 'gone' | 'limiting' | 'redirecting' | 'cutting';

export type ArrangedChannel = {
  readonly sender: Sender;
  /** What has come, each as one text. */
  got(): readonly string[];
  clear(): void;
  /** From now on; `undefined`: all is well. Those that its medium does not have are left out of `troubles`. */
  be(trouble: Trouble): void;
  readonly troubles: Readonly<Partial<Record<Trouble, string>>>;
  /** One whose secret cannot be read. */
  withoutSecret(): Promise<Sender>;
  /** In no message. */
  readonly secrets: readonly string[];
  stop(): Promise<void>;
};

export function noticesContract(name: string, make: () => Promise<ArrangedChannel>, knows: { readonly events: boolean }): void {
  describe(`${name} keeps the contract of a channel`, () => {
    let world: ArrangedChannel;
    beforeAll(async () => {
      world = await make();
    });
    beforeEach(() => world.clear());
    afterAll(() => world.stop());

    const thrown = (work: Promise<unknown>): Promise<Error & Record<string, unknown>> =>
      work.then(
        () => {
          throw new Error('nothing was thrown');
        },
        (error) => error,
      );

    it('tells what is to be told, and what can be typed', async () => {
      await world.sender.send(notice(), {});
      expect(world.got().length).toBe(1);
      for (const part of ['maria@acme.dev asks for db-admin', 'replica lag', 'oncall approve k7m2xq'])
        expect(world.got()[0]).toContain(part);
    });

    it('keeps the order of what it is given one after the other', async () => {
      for (const title of ['one', 'two', 'three']) await world.sender.send(notice({ title }), {});
      expect(world.got().map((text) => /one|two|three/.exec(text)?.[0])).toEqual(['one', 'two', 'three']);
    });

    it('says where it sends to without sending, and no secret of it', async () => {
      const where = await world.sender.ready({});
      expect(where).not.toBe('');
      expect(world.secrets.filter((secret) => where.includes(secret))).toEqual([]);
      expect(world.got()).toEqual([]);
    });

    it('says of every trouble what it is, and never that it was told', async () => {
      for (const [trouble, fault] of Object.entries(world.troubles)) {
        world.clear();
        world.be(trouble as Trouble);
        const error = await thrown(world.sender.send(notice(), {}));
        expect({ trouble, name: error.name, fault: error.fault }).toEqual({ trouble, name: 'ProviderError', fault });
        const said = JSON.stringify([error, error.message, error.stack, error.next]);
        expect({ trouble, said: world.secrets.filter((secret) => said.includes(secret)) }).toEqual({ trouble, said: [] });
      }
    }, 30_000);

    it('heeds how long it is to wait', async () => {
      if (world.troubles.limiting === undefined) return;
      world.be('limiting');
      expect(await thrown(world.sender.send(notice(), {}))).toMatchObject({ retryAfterMs: 30_000 });
    });

    it('is given up at once where it is told to stop', async () => {
      world.be('silent');
      const stop = new AbortController();
      const sending = thrown(world.sender.send(notice(), { signal: stop.signal }));
      await expect.poll(() => world.got().length, { timeout: 10_000 }).toBe(1);
      stop.abort();
      expect(await sending).toMatchObject({ name: 'ProviderError', message: expect.stringContaining('stopped') });
    });

    it('sends nothing where its secret cannot be read, and says which that is', async () => {
      const sender = await world.withoutSecret();
      for (const work of [sender.send(notice(), {}), sender.ready({})])
        expect(await thrown(work)).toMatchObject({
          name: 'ProviderError',
          fault: 'credentials',
          applied: 'no',
          message: expect.stringContaining('notify.'),
        });
      expect(world.got()).toEqual([]);
    });

    it.runIf(knows.events)('takes a piece of the audit trail, every event of it as it was written', async () => {
      const body = '{"a":"<!channel> \\u202e \\"quoted\\"","seq":7}';
      await world.sender.stream?.({ ledger: 'ledger-1', events: [{ seq: 7, body, prev: 'p'.repeat(64), hash: 'h'.repeat(64) }] }, {});
      const [text = ''] = world.got();
      expect(JSON.parse(text)).toEqual({
        schema: 1,
        id: 'ledger-1/7-7',
        kind: 'events',
        ledger: 'ledger-1',
        events: [{ seq: 7, body, prev: 'p'.repeat(64), hash: 'h'.repeat(64) }],
      });
    });

    it.skipIf(knows.events)('takes no audit trail', () => expect(world.sender.stream).toBeUndefined());
  });
}
