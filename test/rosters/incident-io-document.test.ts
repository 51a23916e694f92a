/** Our requests and our fake, held by Prism against incident.io's own API document. */

import { describe, expect, it } from 'vitest';
import incidentIo from '../../src/rosters/incident-io.ts';
import { startIncidentIo } from '../fakes/incident-io.ts';
import { startPrism, vendorDocument } from '../fakes/prism.ts';
import { at, keyName, november, rosterByDocument } from './document-world.ts';

const here = rosterByDocument(incidentIo, startIncidentIo, (key) => ({ key, services: 'Affected Team' }));

const document = vendorDocument('incident-io.json');

type Responses = Record<string, { content: Record<string, { example: object }> }>;

/** It calls properties required that it does not even have, and that its own examples lack. */
function withoutWhatIsNot({ components: { schemas } }: { components: { schemas: Record<string, object> } }): void {
  for (const schema of Object.values(schemas) as { properties?: object; required?: string[] }[])
    schema.required = (schema.required ?? []).filter((name) => name in (schema.properties ?? {}));
}

describe.skipIf(document === undefined)('against the document of incident.io', () => {
  it('has requests and a fake that the document allows', { timeout: 60_000 }, async () => {
    const prism = await startPrism(document ?? '', here.fake.url, withoutWhatIsNot);
    try {
      const id = here.fake.schedule('Database Primary');
      for (let n = 0; n < 3; n++) here.fake.shift({ schedule: 'Database Primary', user: `person${n}@acme.dev`, ...november });
      here.fake.override({
        schedule: 'Database Primary',
        user: 'sam@acme.dev',
        start: '2026-11-15T08:00:00Z',
        end: '2026-11-15T20:00:00Z',
      });
      here.fake.schedule('Empty');
      here.fake.schedule('Night');
      const roster = await here.open(prism.url);
      const ask = (schedule?: string) => roster.onCall({ levels: [], ...(schedule === undefined ? {} : { schedule }) }, at, {});
      for (const schedule of [id, 'Database Primary', undefined]) expect(await ask(schedule)).toMatchObject([{ email: 'sam@acme.dev' }]);
      await expect(ask('01ARZ3NDEKTSV4RRFFQ69G5FAV')).rejects.toMatchObject({ fault: 'not-found' });

      const option = { id: '01OPTION', custom_field_id: '01FIELD', value: 'Product', sort_key: 10 };
      for (let number = 1; number <= 3; number++) {
        here.fake.incident({
          ...{ number, severity: 'Major', type: 'Production Outage', openedBy: 'sam@acme.dev' },
          roles: [{ type: 'lead', user: 'maria@acme.dev' }, { type: 'custom' }, { type: 'custom', user: null }],
          fields: { 'Affected Team': [{ value_option: option }] },
        });
      }
      const found = { ref: 'INC-2', live: true, assigned: ['maria@acme.dev'], severities: ['Major'], services: ['Product', '01OPTION'] };
      expect(await roster.incidents?.({})).toHaveLength(3);
      for (const ref of ['2', 'INC-2']) expect(await roster.incident?.(ref, {})).toMatchObject(found);
      expect(await roster.incident?.('INC-99', {})).toBeUndefined();

      process.env[keyName] = 'another-key';
      const stranger = await here.open(prism.url);
      await expect(stranger.incidents?.({})).rejects.toMatchObject({ fault: 'credentials' });
    } finally {
      await prism.stop();
    }
  });

  it("understands the document's own examples", { timeout: 60_000 }, async () => {
    const prism = await startPrism(document ?? '', undefined, (whole) => {
      withoutWhatIsNot(whole);
      // The example of this list would lead to itself for ever.
      const { paths } = whole as unknown as { paths: Record<string, { get: { responses: Responses } }> };
      const example = paths['/v2/schedule_entries']?.get.responses['200']?.content['application/json']?.example;
      Object.assign(example ?? {}, { pagination_meta: undefined });
    });
    try {
      const roster = await here.open(prism.url);
      const ask = (when: string) => roster.onCall({ schedule: '01G0J1EXE7AXZ2C93K61WBPYEH', levels: [] }, Date.parse(when), {});
      // Its shift begins and ends at one instant.
      expect(await ask('2021-08-17T13:28:57.801Z')).toEqual([]);
      expect(await roster.incident?.('123', {})).toMatchObject({
        ...{ ref: 'INC-123', live: false, title: 'Our database is sad', severities: ['Minor'], type: 'Production Outage' },
        ...{ assigned: ['lisa@incident.io'], openedBy: 'lisa@incident.io', services: expect.arrayContaining(['Product']) },
      });
      await expect(roster.incidents?.({})).rejects.toMatchObject({
        fault: 'malformed',
        message: expect.stringContaining('announced more'),
      });
    } finally {
      await prism.stop();
    }
  });
});
