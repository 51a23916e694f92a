/** Our requests and our fake, held by Prism against PagerDuty's own API document. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod/mini';
import pagerduty from '../../src/rosters/pagerduty.ts';
import { type FakePagerDuty, startPagerDuty } from '../fakes/pagerduty.ts';
import { startPrism, vendorDocument } from '../fakes/prism.ts';

const keyName = 'ONCALL_TEST_PAGERDUTY_KEY';
const november = { start: '2026-11-01T00:00:00Z', end: '2026-12-01T00:00:00Z' };
const at = Date.parse('2026-11-15T12:00:00Z');

let fake: FakePagerDuty;
beforeAll(async () => {
  fake = await startPagerDuty();
});
afterAll(async () => {
  delete process.env[keyName];
  await fake.stop();
});
beforeEach(() => {
  process.env[keyName] = fake.key;
});

const open = (endpoint: string) =>
  pagerduty.open(z.parse(pagerduty.settings, { token: { env: keyName }, endpoint, timeout: '30s' }), {
    name: 'pagerduty',
    now: () => at,
    log: () => {},
    onServerDate: () => {},
    baseDir: '/',
  });

const document = vendorDocument('pagerduty.json');

describe.skipIf(document === undefined)('against the document of PagerDuty', () => {
  it('has requests and a fake that the document allows', { timeout: 60_000 }, async () => {
    const prism = await startPrism(document ?? '', fake.url, ({ components: { schemas } }) => {
      // The document describes the list without `include[]=users`, which puts a whole user where the reference stands.
      if (schemas.Oncall)
        schemas.Oncall.properties.user = { anyOf: [{ $ref: '#/components/schemas/UserReference' }, { $ref: '#/components/schemas/User' }] };
    });
    try {
      const id = fake.schedule('Database Primary');
      for (let n = 0; n < 3; n++) fake.shift({ schedule: 'Database Primary', user: `person${n}@acme.dev`, ...november });
      fake.schedule('Empty');
      const roster = await open(prism.url);
      const ask = (query: { schedule?: string; escalationPolicy?: string }) => roster.onCall({ levels: [], ...query }, at, {});
      expect(await ask({ schedule: id })).toHaveLength(3);
      expect(await ask({ schedule: 'Database Primary' })).toHaveLength(3);
      expect(await ask({ escalationPolicy: 'Database Primary policy' })).toHaveLength(3);
      await expect(ask({ schedule: 'PZZZZZZ' })).rejects.toMatchObject({ fault: 'not-found' });
      expect(new Set(fake.requests.map(({ path }) => path))).toContain('/schedules/PZZZZZZ');
      fake.fail({ status: 200, body: JSON.stringify({ oncalls: [{ start: 1 }], more: false }) });
      await expect(ask({})).resolves.toHaveLength(3); // rejected by Prism, so asked again
      process.env[keyName] = 'another-key';
      const stranger = await open(prism.url);
      await expect(stranger.onCall({ schedule: id, levels: [] }, at, {})).rejects.toMatchObject({ fault: 'credentials' });
    } finally {
      await prism.stop();
    }
  });

  it("understands the document's own examples", { timeout: 60_000 }, async () => {
    const prism = await startPrism(document ?? '');
    try {
      const roster = await open(prism.url);
      expect(await roster.onCall({ schedule: 'PI7DH85', levels: [] }, at, {})).toEqual([]);
      const then = roster.onCall({ schedule: 'PI7DH85', levels: [2] }, Date.parse('2015-03-07T00:00:00Z'), {});
      await expect(then).rejects.toMatchObject({ message: expect.stringContaining('no e-mail address') });
      expect(await roster.onCall({ schedule: 'Daily Engineering Rotation', levels: [1] }, at, {})).toEqual([]);
    } finally {
      await prism.stop();
    }
  });
});
