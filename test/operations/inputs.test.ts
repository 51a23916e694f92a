/** What a broker lets through to the operations: what they take, within bounds, and nothing besides. */

import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { inputs } from '../../src/operations/inputs.ts';

type Verb = keyof typeof inputs;
const takes = (verb: Verb, input: unknown): boolean => z.safeParse(inputs[verb].input, input).success;
const asked = { byDefault: true };

describe('an input', () => {
  it.each<readonly [Verb, object]>([
    ['request', { role: 'db-admin', asked: { forMs: 3_600_000 }, reason: 'two\nlines\tof it', incident: 'INC-42', despiteLateSweep: true }],
    ['request', { role: 'On-Call Datenbank (Zürich) 🦊', asked: { until: 'shift' } }],
    ['explain', { role: 'db-admin', asked: { untilMs: 1_800_000_000_000 } }],
    ['status', { of: 'k7m2xq', mine: true }],
    ['release', { id: 'db-admin', reason: '' }],
    ['revoke', { holder: 'maria@acme.dev', reason: 'left', dryRun: true }],
    ['revoke', { all: true }],
    ['audit', { limit: 20 }],
    [
      'adopt',
      { directory: 'okta', group: 'Prod Read', end: { forMs: 1 }, decided: { standing: ['maria@acme.dev@okta/Prod Read'], ending: [] } },
    ],
    ['accesses', { since: 0, user: 'maria@acme.dev', role: 'db-admin', limit: 20_000, after: 7 }],
    ['recover', { called: ['maria@acme.dev'], decided: { end: ['maria@acme.dev@okta/db'], keep: [] } }],
  ])('of %s is taken as the commands send it: %j', (verb, input) => {
    expect(z.parse(inputs[verb].input, input)).toEqual(input);
  });

  it('has no field besides, of any verb', () => {
    const good: Partial<Record<Verb, object>> = {
      request: { role: 'a', asked },
      explain: { role: 'a', asked },
      revoke: { id: 'a' },
      follow: { id: 'a', forMs: 1 },
      adopt: { directory: 'okta', group: 'a' },
      ...Object.fromEntries((['release', 'approve', 'deny'] as const).map((verb) => [verb, { id: 'a' }])),
    };
    for (const verb of Object.keys(inputs) as Verb[]) {
      const input = good[verb] ?? {};
      expect([verb, takes(verb, input)]).toEqual([verb, true]);
      for (const key of ['actor', 'requester', 'email', '__proto__', 'then']) {
        const more = JSON.parse(
          `{${JSON.stringify(input).slice(1, -1)}${Object.keys(input).length > 0 ? ',' : ''}"${key}":{"email":"boss@acme.dev"}}`,
        );
        expect([verb, key, takes(verb, more)]).toEqual([verb, key, false]);
      }
    }
  });

  it.each<readonly [Verb, unknown]>([
    ['request', { role: '', asked }],
    ['request', { role: 'x'.repeat(201), asked }],
    ['request', { role: 'a\u0000', asked }],
    ['request', { role: 'a\nb', asked }],
    ['request', { role: 'a\u009b', asked }],
    ['request', { role: '\ud800', asked }],
    ['request', { role: ['db-admin'], asked }],
    ['request', { role: 'a', asked, reason: 'x'.repeat(2001) }],
    ['request', { role: 'a', asked, reason: 'bell\u0007' }],
    ['request', { role: 'a', asked, reason: null }],
    ['request', { role: 'a', asked, despiteLateSweep: 'true' }],
    ['request', { role: 'a' }],
    ['request', { role: 'a', asked: { byDefault: false } }],
    ['request', { role: 'a', asked: { forMs: 0 } }],
    ['request', { role: 'a', asked: { forMs: -1 } }],
    ['request', { role: 'a', asked: { forMs: 0.5 } }],
    ['request', { role: 'a', asked: { forMs: 1e300 } }],
    ['request', { role: 'a', asked: { forMs: 1, untilMs: 1 } }],
    ['request', { role: 'a', asked: { until: 'forever' } }],
    ['revoke', {}],
    ['revoke', { id: 'a', all: true }],
    ['revoke', { all: false }],
    ['audit', { limit: 0 }],
    ['follow', { id: 'a', forMs: -1 }],
    ['recover', { decided: { end: 'a', keep: [] } }],
    ['recover', { called: Array<string>(20_001).fill('a@b') }],
    ['roles', null],
    ['roles', []],
  ])('of %s is refused: %j', (verb, input) => {
    expect(takes(verb, input)).toBe(false);
  });
});
