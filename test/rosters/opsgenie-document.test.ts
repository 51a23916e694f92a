/** Our requests and our fake, held by Prism against Opsgenie's own API document. */

import { describe, expect, it } from 'vitest';
import opsgenie from '../../src/rosters/opsgenie.ts';
import { startOpsgenie } from '../fakes/opsgenie.ts';
import { startPrism, vendorDocument } from '../fakes/prism.ts';
import { at, keyName, rosterByDocument } from './document-world.ts';

const week = { start: '2026-11-12T00:00:00Z', end: '2026-11-19T00:00:00Z' };
const here = rosterByDocument(opsgenie, startOpsgenie, (key) => ({ key }));

const document = vendorDocument('opsgenie.json');

type Swagger = {
  readonly paths: Record<string, object>;
  readonly definitions: Record<string, { readonly properties?: Record<string, unknown> }>;
};

/** The copy of the document that is at hand lacks three calls, written here as docs.opsgenie.com describes them, and what it left out of an incident. */
function completed(whole: object): void {
  const { paths, definitions } = whole as Swagger;
  const text = { type: 'string' };
  const inQuery = (name: string, more: object = text) => ({ name, in: 'query', required: false, ...more });
  const call = (data: object, ...query: readonly object[]) => ({
    get: {
      parameters: [{ name: 'identifier', in: 'path', required: true, ...text }, ...query],
      responses: {
        200: { description: 'found', schema: { type: 'object', required: ['data'], properties: { data } } },
        404: { $ref: '#/responses/NotFound' },
      },
    },
  });
  const list = (items: object) => ({ type: 'array', items });
  const object = (required: readonly string[], properties: object) => ({ type: 'object', required, properties });
  const date = { ...text, format: 'date-time' };
  const who = object(['id', 'type'], { id: text, type: text, name: text });
  const period = object(['startDate', 'endDate', 'type'], { startDate: date, endDate: date, type: text, recipient: who });
  const rotation = object(['id', 'name', 'periods'], { id: text, name: text, periods: list(period) });
  const final = object(['rotations'], { rotations: list(rotation) });
  const timeline = object(['_parent', 'startDate', 'endDate', 'finalTimeline'], {
    ...{ _parent: { $ref: '#/definitions/ScheduleMeta' }, startDate: date, endDate: date, finalTimeline: final },
  });
  paths['/v2/schedules/{identifier}/timeline'] = call(
    timeline,
    inQuery('identifierType', { ...text, enum: ['id', 'name'] }),
    inQuery('interval', { type: 'integer' }),
    inQuery('intervalUnit', { ...text, enum: ['days', 'weeks', 'months'] }),
    inQuery('date', date),
  );
  const member = object(['user'], { user: object(['id', 'username'], { id: text, username: text }), role: text });
  paths['/v2/teams/{identifier}'] = call(object(['id', 'name'], { id: text, name: text, members: list(member) }));
  paths['/v1/services/{identifier}'] = call(object(['id', 'name'], { id: text, name: text }));
  Object.assign(definitions.BaseIncident?.properties ?? {}, { impactedServices: list(text) });
}

describe.skipIf(document === undefined)('against the document of Opsgenie', () => {
  it('has requests and a fake that the document allows', { timeout: 60_000 }, async () => {
    const prism = await startPrism(document ?? '', here.fake.url, completed);
    try {
      const id = here.fake.schedule('Database Primary');
      here.fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...week });
      here.fake.shift({ schedule: 'Night', user: 'sam@acme.dev', level: 2, ...week });
      const roster = await here.open(prism.url);
      const ask = (schedule?: string) => roster.onCall({ levels: [], ...(schedule === undefined ? {} : { schedule }) }, at, {});
      const maria = { email: 'maria@acme.dev', level: 1, start: Date.parse(week.start), end: Date.parse(week.end) };
      for (const schedule of [id, 'Database Primary']) expect(await ask(schedule)).toMatchObject([maria]);
      expect((await ask()).map(({ email }) => email)).toEqual(['maria@acme.dev', 'sam@acme.dev']);
      await expect(ask('7d0a5b2e-3c1f-4c64-9a2b-0123456789ab')).rejects.toMatchObject({ fault: 'not-found' });

      here.fake.team('Databases', ['ana@acme.dev']);
      for (const message of ['One', 'Two', 'Three'])
        here.fake.incident({
          message,
          priority: 'P1',
          users: ['maria@acme.dev'],
          teams: ['Databases'],
          services: ['search'],
          owner: 'boss@acme.dev',
        });
      const listed = (await roster.incidents?.({})) ?? [];
      expect(listed.map(({ title }) => title)).toEqual(['One', 'Two', 'Three']);
      const [first] = listed;
      expect(first).toMatchObject({ live: true, severities: ['P1'], assigned: ['boss@acme.dev', 'maria@acme.dev', 'ana@acme.dev'] });
      expect(first?.services[0]).toBe('search');
      for (const ref of [first?.ref ?? '', here.fake.idOf(first?.ref ?? '')]) expect(await roster.incident?.(ref, {})).toEqual(first);
      expect(await roster.incident?.('99', {})).toBeUndefined();

      process.env[keyName] = 'another-key';
      await expect((await here.open(prism.url)).incidents?.({})).rejects.toMatchObject({ fault: 'credentials' });
    } finally {
      await prism.stop();
    }
  });
});
