/** Our requests and our fake, held by Prism against PagerDuty's own API document. */

import { describe, expect, it } from 'vitest';
import pagerduty from '../../src/rosters/pagerduty.ts';
import { startPagerDuty } from '../fakes/pagerduty.ts';
import { startPrism, vendorDocument } from '../fakes/prism.ts';
import { at, keyName, november, rosterByDocument } from './document-world.ts';

const here = rosterByDocument(pagerduty, startPagerDuty, (token) => ({ token }));

const document = vendorDocument('pagerduty.json');

type Document = {
  readonly paths: Record<string, { get: Record<string, unknown> }>;
  readonly components: { readonly schemas: Record<string, { properties: Record<string, unknown> }> };
};

/** The copy of the document that is at hand lacks the log of an incident: the entry that it describes, in the list as PagerDuty's reference has it. */
function completed(whole: object): void {
  const { paths, components } = whole as Document;
  const { schemas } = components;
  // The document describes the list without `include[]=users`, which puts a whole user where the reference stands.
  const either = { anyOf: [{ $ref: '#/components/schemas/UserReference' }, { $ref: '#/components/schemas/User' }] };
  if (schemas.Oncall) schemas.Oncall.properties.user = either;
  // Each of its channels fits all of them, where exactly one is to fit.
  Object.assign(schemas.Channel ?? {}, { oneOf: undefined });
  const one = paths['/incidents/{id}']?.get as { parameters: object[]; responses: Record<string, object> };
  const entries = { type: 'array', items: { $ref: '#/components/schemas/LogEntry' } };
  const list = {
    allOf: [
      { $ref: '#/components/schemas/Pagination' },
      { type: 'object', required: ['log_entries'], properties: { log_entries: entries } },
    ],
  };
  const content = { 'application/json': { schema: list }, 'application/vnd.pagerduty+json;version=2': { schema: list } };
  const query = (name: string, type: string) => ({ name, in: 'query', schema: { type } });
  paths['/incidents/{id}/log_entries'] = {
    get: {
      ...one,
      parameters: [...one.parameters, query('is_overview', 'boolean'), query('limit', 'integer'), query('offset', 'integer')],
      responses: { ...one.responses, 200: { description: 'the log', content } },
    },
  };
}

describe.skipIf(document === undefined)('against the document of PagerDuty', () => {
  it('has requests and a fake that the document allows', { timeout: 60_000 }, async () => {
    const prism = await startPrism(document ?? '', here.fake.url, completed);
    try {
      const id = here.fake.schedule('Database Primary');
      for (let n = 0; n < 3; n++) here.fake.shift({ schedule: 'Database Primary', user: `person${n}@acme.dev`, ...november });
      here.fake.schedule('Empty');
      const roster = await here.open(prism.url);
      const ask = (query: { schedule?: string; escalationPolicy?: string }) => roster.onCall({ levels: [], ...query }, at, {});
      expect(await ask({ schedule: id })).toHaveLength(3);
      expect(await ask({ schedule: 'Database Primary' })).toHaveLength(3);
      expect(await ask({ escalationPolicy: 'Database Primary policy' })).toHaveLength(3);
      await expect(ask({ schedule: 'PZZZZZZ' })).rejects.toMatchObject({ fault: 'not-found' });
      expect(new Set(here.fake.requests.map(({ path }) => path))).toContain('/schedules/PZZZZZZ');
      here.fake.fail({ status: 200, body: JSON.stringify({ oncalls: [{ start: 1 }], more: false }) });
      await expect(ask({})).resolves.toHaveLength(3); // rejected by Prism, so asked again

      const refs = [1, 2, 3].map(() => here.fake.incidents.open({ priority: 'P1', type: 'outage', by: 'sam@acme.dev' }));
      for (const number of refs) here.fake.incidents.assign(number, ['maria@acme.dev'], 'ana@acme.dev');
      here.fake.incidents.acknowledge(refs[0] ?? 0, 'person1@acme.dev');
      const listed = (await roster.incidents?.({})) ?? [];
      expect(listed.map(({ ref }) => Number(ref))).toEqual(refs);
      expect(listed[0]).toMatchObject({ assigned: ['maria@acme.dev', 'person1@acme.dev'], severities: ['P1', 'high'], type: 'outage' });
      expect(await roster.incident?.(String(refs[0]), {})).toEqual(listed[0]);
      expect(await roster.incident?.('PZZZZZZ', {})).toBeUndefined();
      const origin = await roster.origin?.(
        listed[0] ?? { ref: '', live: true, services: [], severities: [], assigned: [] },
        'maria@acme.dev',
        {},
      );
      expect(origin).toEqual({ openedBy: 'sam@acme.dev', assignedBy: 'ana@acme.dev' });
      expect(here.fake.requests.map(({ path }) => path)).toContain(`/incidents/${here.fake.incidents.idOf(refs[0] ?? 0)}/log_entries`);

      process.env[keyName] = 'another-key';
      const stranger = await here.open(prism.url);
      await expect(stranger.onCall({ schedule: id, levels: [] }, at, {})).rejects.toMatchObject({ fault: 'credentials' });
    } finally {
      await prism.stop();
    }
  });

  it("understands the document's own examples", { timeout: 60_000 }, async () => {
    const prism = await startPrism(document ?? '');
    try {
      const roster = await here.open(prism.url);
      expect(await roster.onCall({ schedule: 'PI7DH85', levels: [] }, at, {})).toEqual([]);
      const then = roster.onCall({ schedule: 'PI7DH85', levels: [2] }, Date.parse('2015-03-07T00:00:00Z'), {});
      await expect(then).rejects.toMatchObject({ message: expect.stringContaining('no e-mail address') });
      expect(await roster.onCall({ schedule: 'Daily Engineering Rotation', levels: [1] }, at, {})).toEqual([]);
      expect(await roster.incident?.('PT4KHLK', {})).toMatchObject({
        ...{ ref: '1234', live: true, title: 'The server is on fire.', type: 'incident_default' },
        ...{ services: ['My Mail Service', 'PIJ90N7'], severities: ['P2', 'high'], openedAt: Date.parse('2015-10-06T21:30:42Z') },
      });
    } finally {
      await prism.stop();
    }
  });
});
