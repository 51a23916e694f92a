/** A role for each customer, through every door: each is a role of its own, whatever the order in which its values are typed. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Door, doors, type Stage } from './stage.ts';
import { brokerDoors, brokers, cannotOpen, openStage, skippedAt } from './through-broker.ts';

const policy = `version: 1
ledger: ./oncall.db
admins: [ { user: boss@acme.dev } ]
directories: { local: { path: ./groups.json } }
roles:
  support:
    params: { customer: [acme, globex], region: [eu, us] }
    targets: { local: "Customer {customer} {region}" }
    allow: [ { member: "local/Support {region}" } ]
`;
const groups = JSON.stringify({
  users: ['maria@acme.dev', 'sam@acme.dev', 'boss@acme.dev', 'cron@acme.dev'],
  groups: {
    'Support eu': ['maria@acme.dev'],
    'Support us': [],
    ...Object.fromEntries(['acme eu', 'acme us', 'globex eu', 'globex us'].map((name) => [`Customer ${name}`, []])),
  },
});

const through = brokers();
beforeAll(() => through.start(), 60_000);
afterAll(() => through.stop());

let at: Stage | undefined;
afterEach(() => at?.remove());
const open = async (door: Door): Promise<Stage> => {
  at = await openStage(door, { 'oncall.yaml': policy, 'groups.json': groups }, { through });
  await at.run('cron', 'sweep');
  return at;
};
const membersOf = (s: Stage, group: string): readonly string[] => JSON.parse(s.read('groups.json')).groups[group];

for (const door of [...doors, ...brokerDoors])
  describe.skipIf(cannotOpen(door) !== undefined)(`a role with parameters, through ${door}${skippedAt(door)}`, () => {
    it('lets into the group of that customer alone, and out again, by any order of its values', async () => {
      const s = await open(door);
      const asked = await s.json('maria', 'request', 'support', 'customer=acme', 'region=eu');
      expect(asked).toMatchObject({ exit: 0, document: { request: { role: 'support customer=acme region=eu' } } });
      const other = await s.json('maria', 'request', 'support', 'region=eu', 'customer=globex');
      expect(other).toMatchObject({ exit: 0, document: { request: { role: 'support customer=globex region=eu' } } });
      expect(membersOf(s, 'Customer acme eu')).toEqual(['maria@acme.dev']);
      expect(membersOf(s, 'Customer globex eu')).toEqual(['maria@acme.dev']);
      expect((await s.run('maria', 'release', 'support', 'region=eu', 'customer=acme')).exit).toBe(0);
      expect([membersOf(s, 'Customer acme eu'), membersOf(s, 'Customer globex eu')]).toEqual([[], ['maria@acme.dev']]);
    });

    it('is given back by its own name, and by that of the family only where there is nothing to give back', async () => {
      const s = await open(door);
      expect((await s.run('maria', 'release', 'support')).exit).toBe(0);
      await s.run('maria', 'request', 'support', 'customer=acme', 'region=eu');
      const { exit, err } = await s.run('maria', 'release', 'support');
      expect([exit, err]).toEqual([2, expect.stringContaining('oncall release support customer=acme region=eu')]);
      expect(membersOf(s, 'Customer acme eu')).toEqual(['maria@acme.dev']);
    });

    it('goes by the rules with the values in them', async () => {
      const s = await open(door);
      const { exit, err } = await s.run('maria', 'request', 'support', 'customer=acme', 'region=us');
      expect([exit, err]).toEqual([3, expect.stringContaining('not a member of local/Support us')]);
      expect(membersOf(s, 'Customer acme us')).toEqual([]);
    });

    it('says which values there are, where one is missing or none of them', async () => {
      const s = await open(door);
      const missing = await s.run('maria', 'request', 'support');
      expect([missing.exit, missing.err]).toEqual([2, expect.stringContaining('support needs customer=… region=…')]);
      expect(missing.err).toContain('customer is one of acme, globex; region is one of eu, us');
      const wrong = await s.run('maria', 'request', 'support', 'customer=acmee', 'region=eu');
      expect([wrong.exit, wrong.err]).toEqual([2, expect.stringContaining('did you mean "support customer=acme region=eu"?')]);
    });

    it('is shown once among the roles, and all of it by the name of the family', async () => {
      const s = await open(door);
      const { out } = await s.run('maria', 'roles');
      expect(out.split('\n').filter((line) => line.startsWith('support'))).toEqual(['support customer=acme region=eu']);
      expect(out.replaceAll(/\s+/g, ' ')).toContain('also: support customer=acme region=us, support customer=globex region=eu');
      for (const customer of ['acme', 'globex']) await s.run('maria', 'request', 'support', `customer=${customer}`, 'region=eu');
      const { document } = await s.json('maria', 'status', 'support');
      expect(document.requests).toHaveLength(2);
      expect((await s.run('boss', 'revoke', '--role', 'support', '--yes')).exit).toBe(0);
      expect([membersOf(s, 'Customer acme eu'), membersOf(s, 'Customer globex eu')]).toEqual([[], []]);
    });
  });
