/** Makes the JSON Schemas that editors read from the very schemas that the policy and its tests are read by, with the words of docs/policy.md. Nothing of it is in the program. */

import * as z from 'zod/mini';
import { otherWaysIn } from '../../src/policy/checks.ts';
import { callsPerSecond, day, duration, email, grace, timeOfDay, timeZone, wholeNumber } from '../../src/policy/fields.ts';
import { fixtureFile, instant, untilAsked, when } from '../../src/policy/fixture-schema.ts';
import { channel } from '../../src/policy/notices.ts';
import { condition, directory, file, iamRole, roster, version } from '../../src/policy/schema.ts';
import { secretRef } from '../../src/policy/secret-ref.ts';
import type { Kinds } from '../../src/policy/sources.ts';
import type { Words } from './words.ts';

type Json = Record<string, unknown> & {
  properties?: Record<string, Json>;
  items?: Json;
  additionalProperties?: Json | boolean;
  anyOf?: Json[];
  $defs?: Record<string, Json>;
};
type Zod = z.core.$ZodType;

const units = '(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?';
const length = { type: 'string', pattern: `^(?=.)${units}$` };
const moment = '\\d{4}-\\d{2}-\\d{2}[Tt ]\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,9})?)?([Zz]|[+-]\\d{2}:\\d{2})';

/** What is read by a function says nothing of its form. */
const read = new Map<unknown, Json>([
  [version, { const: 1 }],
  [duration, length],
  [grace, length],
  [email, { type: 'string', pattern: '^[^\\s@/<>,;"]+@[^\\s@/<>,;"]+$' }],
  [wholeNumber, { type: 'integer', minimum: 1 }],
  [callsPerSecond, { type: 'number', minimum: 0.5 }],
  [timeOfDay, { type: 'string', pattern: '^(([01]\\d|2[0-3]):[0-5]\\d|24:00)$' }],
  [day, { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}$' }],
  [timeZone, { type: 'string', pattern: '^[A-Za-z]' }],
  [instant, { type: 'string', pattern: `^${moment}$` }],
  [untilAsked, { type: 'string', pattern: `^(shift|incident|${moment})$` }],
  [when, { type: 'string', pattern: `^(${moment}|(?=.)${units})$` }],
]);

const defOf = (schema: unknown) => (schema as { _zod: { def: { type: string; in?: Zod; out?: Zod } } })._zod.def;

/** Shared parts get a name of their own, so that a fault is told where it is. */
function named(): z.core.$ZodRegistry<{ id: string }> {
  const registry = z.registry<{ id: string }>();
  registry.add(condition, { id: 'condition' });
  registry.add(secretRef, { id: 'secret' });
  registry.add(iamRole, { id: 'iam-role' });
  return registry;
}

function jsonOf(schema: Zod): Json {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', metadata: named(), override: fill }) as Json;
}

function fill({ zodSchema, jsonSchema, path }: { zodSchema: Zod; jsonSchema: object; path: (string | number)[] }): void {
  const json = jsonSchema as Json;
  const { type, in: from } = defOf(zodSchema);
  const known = read.get(zodSchema);
  if (known !== undefined) Object.assign(json, known);
  else if (type === 'pipe' && from !== undefined && defOf(from).type === 'unknown')
    throw new Error(`say in test/policy/json-schema.ts what ${path.join('.')} looks like`);
  // `oneOrMany`: the only thing that makes a list of what is none.
  else if (type === 'pipe' && from !== undefined && defOf(from).type === 'transform') Object.assign(json, oneOrMany(json));
  else if (type === 'array' && !z.safeParse(zodSchema, []).success) json.minItems = 1;
  else if (type === 'record') fillRecord(zodSchema, json);
}

function oneOrMany(json: Json): Json {
  const { type, items, minItems } = json;
  for (const key of Object.keys(json)) delete json[key];
  return { anyOf: [items ?? {}, { type, items: items ?? {}, minItems }] };
}

function fillRecord(schema: Zod, json: Json): void {
  delete json.propertyNames;
  if (!z.safeParse(schema, {}).success) json.minProperties = 1;
}

export async function policySchema(kinds: Kinds, words: Words): Promise<Json> {
  const schema = jsonOf(file);
  const properties = schema.properties ?? {};
  const defs = (schema.$defs ??= {});
  const identities = { local: jsonOf(z.strictObject({ kind: z.literal('local') })), oidc: jsonOf(kinds.oidc.settings as unknown as Zod) };
  const sources = [
    ['directories', 'directory', directory, kinds.directories, 'Directories and rosters'],
    ['rosters', 'roster', roster, kinds.rosters, 'Directories and rosters'],
    ['notify', 'channel', channel, kinds.channels, 'Notices'],
  ] as const;
  for (const [section, noun, common, all, page] of sources) {
    const title = `${noun.charAt(0).toUpperCase()}${noun.slice(1)}`;
    const entries = Object.entries(all).map(([kind, { settings }]) => {
      const { properties: own = {}, $defs, required } = jsonOf(settings as unknown as Zod);
      Object.assign(defs, $defs);
      describe(own, `${title} ${kind}`, words);
      const { kind: _, ...generic } = jsonOf(common).properties ?? {};
      describe(generic, page, words);
      const kindOf = { const: kind, description: words(page, 'kind') };
      return [
        kind,
        {
          type: 'object',
          properties: { kind: kindOf, ...generic, ...own },
          ...(required ? { required } : {}),
          additionalProperties: false,
        },
      ] as const;
    });
    const known = properties[section] as Json;
    properties[section] = { ...known, ...byKind(noun, entries, defs, words(page, 'kind')) };
  }
  for (const [kind, json] of Object.entries(identities)) {
    Object.assign(defs, json.$defs);
    describe(json.properties ?? {}, 'Identity', words);
    defs[`identity-${kind}`] = {
      type: 'object',
      properties: json.properties,
      required: [...new Set(['kind', ...((json.required as string[]) ?? [])])],
      additionalProperties: false,
    } as Json;
  }
  (properties['identity'] as Json).items = chosen('identity', Object.keys(identities), words('Identity', 'kind'));
  schema.required = ['version', 'ledger', 'directories', 'roles'];
  describeFile(schema, words);
  const role = (properties.roles as Json).additionalProperties as Json;
  Object.assign(role, { required: ['targets'], anyOf: ['allow', 'ask', ...otherWaysIn].map((key) => ({ required: [key] })) });
  return finished(schema, 'oncall: the policy');
}

/** An entry is of the kind that it names, or else of the kind that it is called. */
function byKind(noun: string, entries: readonly (readonly [string, object])[], defs: Record<string, Json>, aboutKind?: string): object {
  const kinds = entries.map(([kind]) => kind);
  for (const [kind, json] of entries) defs[`${noun}-${kind}`] = json as Json;
  defs[noun] = chosen(noun, kinds, aboutKind);
  const called = (kind: string) => ({
    if: { required: ['kind'] },
    // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
    then: { $ref: `#/$defs/${noun}` },
    else: { $ref: `#/$defs/${noun}-${kind}` },
  });
  return {
    properties: Object.fromEntries(kinds.map((kind) => [kind, called(kind)])),
    additionalProperties: { $ref: `#/$defs/${noun}` },
    propertyNames: { pattern: '^[a-z0-9][a-z0-9-]*$' },
  };
}

function chosen(noun: string, kinds: readonly string[], description?: string): Json {
  return {
    type: 'object',
    properties: { kind: { enum: kinds, ...(description === undefined ? {} : { description }) } },
    required: ['kind'],
    // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
    allOf: kinds.map((kind) => ({ if: { properties: { kind: { const: kind } } }, then: { $ref: `#/$defs/${noun}-${kind}` } })),
  };
}

const incidentFilters = ['services', 'severities', 'types', 'anyIncident'];

function describeFile(schema: Json, words: Words): void {
  const properties = schema.properties ?? {};
  for (const section of ['roles', 'conditions']) (properties[section] as Json).propertyNames = { pattern: '^[a-z0-9][a-z0-9-]*$' };
  describe(properties.sweep?.properties ?? {}, 'The file', words);
  describe(properties.ledger?.anyOf?.[1]?.properties ?? {}, 'ledger', words);
  describe(properties.defaults?.properties ?? {}, 'Roles', words);
  describe(((properties.roles as Json).additionalProperties as Json).properties ?? {}, 'Roles', words);
  describe(((properties.delegate as Json).additionalProperties as Json).properties ?? {}, 'delegate', words);
  describe(properties, 'The file', words);
  const { condition: any, secret, 'iam-role': iamRoleDef } = schema.$defs ?? {};
  describe(iamRoleDef?.properties ?? {}, 'IAM roles', words);
  for (const one of secret?.anyOf ?? []) describe(one.properties ?? {}, 'secret', words);
  const map = any?.anyOf?.[2] ?? {};
  describe(map.properties ?? {}, 'Conditions', words);
  const beside = (owner: string, keys: readonly string[]) =>
    Object.fromEntries(keys.map((key) => [key, { anyOf: owner.split(' ').map((one) => ({ required: [one] })) }]));
  Object.assign(map, {
    minProperties: 1,
    dependentSchemas: {
      ...beside('incident', [...incidentFilters, 'selfMade']),
      ...beside('onCall escalationPolicy', ['levels']),
      ...beside('until', ['grace']),
      incident: { anyOf: incidentFilters.map((key) => ({ required: [key] })) },
    },
  });
}

/** What the documents say nothing about has no description, and the test that looks for it fails. */
function describe(properties: Record<string, Json>, section: string, words: Words): void {
  for (const [key, json] of Object.entries(properties)) {
    const inside = section === 'Conditions' && incidentFilters.includes(key) ? 'incident' : section;
    const text = words(inside, key) ?? (key === 'kind' ? words('Directories and rosters', key) : undefined);
    properties[key] = described(json, text);
    const maps = [json, ...(json.anyOf ?? [])].flatMap((one) => (one.properties === undefined ? [] : [one.properties]));
    for (const map of maps) describeNested(map, key, text, words);
  }
}

function describeNested(properties: Record<string, Json>, parent: string, text: string | undefined, words: Words): void {
  for (const [key, json] of Object.entries(properties)) {
    properties[key] = described(json, words(parent, key) ?? (parent === 'sweep' ? words('The file', key) : undefined) ?? text);
    if (json.properties !== undefined) describeNested(json.properties, key, text, words);
  }
}

const described = (json: Json, description: string | undefined): Json => (description === undefined ? json : { description, ...json });

export function testsSchema(words: Words): Json {
  const schema = jsonOf(fixtureFile);
  const top = schema.properties ?? {};
  const cases = top['cases']?.items ?? {};
  const personOf = ({ properties }: Json) => (properties?.['people']?.additionalProperties as Json | undefined)?.properties ?? {};
  const within =
    (parent: string): Words =>
    (section, key) =>
      words(section, `${parent}.${key}`);
  for (const map of [top, cases.properties ?? {}, personOf(schema), personOf(cases)]) {
    for (const parent of ['incidents', 'onCall']) {
      const { additionalProperties, anyOf = [] } = map[parent] ?? {};
      const parts = [
        additionalProperties as Json | undefined,
        ...anyOf.flatMap((one) => [one, one.items]),
        ...anyOf.flatMap((one) => one.anyOf ?? one.items?.anyOf ?? []),
      ];
      for (const part of parts) if (part?.properties !== undefined) describe(part.properties, 'Testing a policy', within(parent));
    }
    describe(map, 'Testing a policy', words);
  }
  const oneOf = (...keys: readonly string[]) => ({ oneOf: keys.map((key) => ({ required: [key] })) });
  cases.allOf = [oneOf('user', 'client', 'in'), oneOf('expect', 'in')];
  return finished(schema, 'oncall: tests of a policy');
}

function finished({ $schema, ...schema }: Json, title: string): Json {
  return { $schema, title, description: 'Made from the source; docs/policy.md says it at length.', ...schema };
}
