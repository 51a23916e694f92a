/**
 * `kill -9` of the real command line at each of its steps, before and after the provider applied what it was sent: two sweeps later nobody
 * is in who was not before, nobody who was there before is out, and the ledger knows of everything that was sent.
 * KILL=all does each step (minutes); else a sample of them, spread evenly.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { baseline, type Kind, kinds, type Members, type Provider, type Site, site } from './kill-world.ts';

const all = process.env.KILL === 'all';
/** Of each command's steps, where not all are tried. */
const sample = 4;
/** Past every end that a policy here can give. */
const overMs = 13 * 3_600_000;
const minutes = 60_000;

type Victim = {
  readonly name: string;
  readonly before: readonly (readonly [user: string, ...args: string[]])[];
  readonly command: readonly [user: string, ...args: string[]];
  /** The time of what went before is up. */
  readonly due?: true;
};

const victims: readonly Victim[] = [
  { name: 'a request', before: [], command: ['maria', 'request', 'db-admin'] },
  { name: 'a request for two groups', before: [], command: ['sam', 'request', 'both'] },
  { name: 'a request by a standing member', before: [], command: ['standing', 'request', 'both'] },
  { name: 'a request on a shared membership', before: [['maria', 'request', 'both']], command: ['maria', 'request', 'db-admin'] },
  { name: 'a longer request', before: [['maria', 'request', 'db-admin']], command: ['maria', 'request', 'db-admin', '--hours', '5'] },
  { name: 'a release', before: [['sam', 'request', 'both']], command: ['sam', 'release', 'both'] },
  {
    name: 'a revoke of everything',
    before: [
      ['maria', 'request', 'db-admin'],
      ['sam', 'request', 'both'],
    ],
    command: ['boss', 'revoke', '--all', '--yes'],
  },
  {
    name: 'an approval',
    before: [['sam', 'request', 'guarded', '--reason', 'page 4711', '--no-input']],
    command: ['maria', 'approve', '<id>'],
  },
  {
    name: 'a release of a place that somebody waits for',
    before: [
      ['maria', 'request', 'migration'],
      ['sam', 'request', 'migration', '--queue'],
    ],
    command: ['maria', 'release', 'migration'],
  },
  {
    name: 'the taking of a place that is offered',
    before: [
      ['maria', 'request', 'migration'],
      ['sam', 'request', 'migration', '--queue'],
      ['maria', 'release', 'migration'],
    ],
    command: ['sam', 'request', 'migration'],
  },
  {
    name: 'a sweep',
    before: [
      ['maria', 'request', 'db-admin', '--for', '1s'],
      ['sam', 'request', 'both', '--for', '1s'],
    ],
    command: ['cron', 'sweep'],
    due: true,
  },
];

for (const kind of kinds)
  describe.skipIf(kind.skip !== undefined)(`kill -9 on ${kind.name}${kind.skip === undefined ? '' : ` (skipped: ${kind.skip})`}`, () => {
    let provider: Provider;
    /** Kills after which somebody was in who was to go. */
    let leftBehind = 0;
    beforeAll(async () => {
      provider = await (kind as Kind).start();
    }, 60_000);
    afterAll(async () => provider?.stop());

    it.each(victims)(
      '$name, wherever it is killed, leaves nothing that two sweeps do not put right',
      async (victim) => {
        const { template, members, command } = await prepare(provider, victim);
        try {
          const whole = await onCopy(template, members, (copy) => copy.kill(command[0], command.slice(1), 0));
          expect(whole, whole.err).toMatchObject({ signal: null, exit: 0 });
          expect(whole.passed.length).toBeGreaterThan(3);
          let [killed, lived] = [0, 0];
          // What runs side by side comes to a few steps more or fewer each time, so the end is where the program lives, not where it was counted.
          for (const at of chosen(whole.passed.length)) {
            if (lived === 3) break;
            await onCopy(template, members, async (copy) => {
              const { signal, passed } = await copy.kill(command[0], command.slice(1), at);
              if (signal === 'SIGKILL') killed += 1;
              else expect(passed.length).toBeLessThan(at);
              lived = signal === 'SIGKILL' ? 0 : lived + 1;
              if (JSON.stringify(await provider.members()) !== JSON.stringify(baseline)) leftBehind += 1;
              await expectPutRight(copy, `killed at ${at}, ${passed.at(-1)}`);
            });
          }
          console.info(`${kind.name}: ${victim.name}: killed at ${killed} of about ${whole.passed.length} points`);
        } finally {
          template.remove();
        }
      },
      (all ? 30 : 3) * minutes,
    );

    it('leaves somebody in now and then, or there was nothing to put right', () => {
      expect(leftBehind).toBeGreaterThan(victims.length);
    });

    /** What the provider was sent, the ledger knows; and everybody is where they were before the first command. */
    async function expectPutRight(copy: Site, when: string): Promise<void> {
      const sent = [...provider.writes()];
      for (const later of [overMs, overMs + 10 * minutes]) await copy.run('cron', ['sweep'], later);
      sent.push(...provider.writes());
      expect(await provider.members(), when).toEqual(baseline);
      expect(
        sent.filter(({ name, group }) => baseline[group]?.includes(name)),
        when,
      ).toEqual([]);
      const { grants, requests } = JSON.parse((await copy.run('boss', ['status', '--json'], overMs)).out);
      expect({ grants, requests }, when).toEqual({ grants: [], requests: [] });
      expect((await copy.run('boss', ['audit', 'verify'], overMs)).exit, when).toBe(0);
      const events = JSON.parse((await copy.run('boss', ['audit', 'list', '--limit', '10000', '--json'], overMs)).out).events;
      for (const { verb, name, group } of sent) {
        const known = events.some(
          (event: Record<string, unknown>) =>
            event.type === `membership.${verb}` && event.holder === `${name}@acme.dev` && event.target === `cloud/${group}`,
        );
        expect(known, `${when}: the ledger knows of ${verb} ${name}`).toBe(true);
      }
    }

    async function onCopy<T>(template: Site, members: Members, play: (copy: Site) => Promise<T>): Promise<T> {
      await provider.put(members);
      provider.writes();
      const copy = template.copy();
      try {
        return await play(copy);
      } finally {
        copy.remove();
      }
    }
  });

async function prepare(provider: Provider, { before, command, due }: Victim) {
  await provider.put(baseline);
  const template = site(provider);
  const first = await template.run('cron', ['sweep']);
  expect(first, first.err).toMatchObject({ exit: 0 });
  let id = '';
  for (const [user, ...args] of before) {
    const { exit, out, err } = await template.run(user, [...args, '--json']);
    expect([0, 8], err).toContain(exit);
    id = JSON.parse(out).request.id;
  }
  if (due) await new Promise((resolve) => setTimeout(resolve, 1100));
  return {
    template,
    members: await provider.members(),
    command: command.map((word) => (word === '<id>' ? id : word)) as [string, ...string[]],
  };
}

/** All of them, and beyond what was counted; or a sample from the first to the last. */
const chosen = (points: number): readonly number[] =>
  all
    ? Array.from({ length: 2 * points }, (_, index) => index + 1)
    : Array.from({ length: sample }, (_, index) => 1 + Math.round((index * (points - 1)) / (sample - 1)));
