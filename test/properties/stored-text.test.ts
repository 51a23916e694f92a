/** Whatever stands in the ledger or came from a provider: no command shows a byte of it that could rewrite the screen or forge a line. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import type { EventView } from '../../src/operations/audit-types.ts';
import type { Operations } from '../../src/operations/types.ts';
import { fakeIo } from '../fakes/io.ts';
import { aDecision, aGrant, aGranted, aRequest, aStatus, aWaiting, awsTarget, fakeWiring } from '../fakes/operations.ts';
import { cases, expectHarmless, sentence } from './hostile.ts';

/** Words that the program itself chose; everything else may be anybody's. */
const ours = new Set([
  'state',
  'result',
  'outcome',
  'effect',
  'action',
  'endReason',
  'code',
  'type',
  'hash',
  'answer',
  'limitedBy',
  'prev',
]);

function withText<T>(value: T, text: string): T {
  if (typeof value === 'string') return text as T;
  if (Array.isArray(value)) return value.map((one) => withText(one, text)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, ours.has(key) ? one : withText(one, text)])) as T;
}

const event: EventView = {
  seq: 1,
  at: 1_795_348_800_000,
  type: 'grant.revoking',
  actor: 'sweep',
  requestId: 'k7m2xq',
  role: 'db-admin',
  holder: 'maria@acme.dev',
  target: 'okta/db',
  reason: 'why',
  data: { because: 'its time is up', members: ['maria'] },
  why: 'not on call',
  body: '{}',
  prev: 'p',
  hash: 'h',
};
const failed = { ...aGrant(awsTarget, { state: 'revoking', attempts: 7, lastError: 'no answer' }) };
const explained = { role: 'db-admin', requester: 'maria', decision: aDecision(), targets: [awsTarget], exit: 0 as const };
const over = { requests: [aRequest()], grants: [failed], ended: 0, left: 1 };

const answers = (text: string): Partial<Operations> => ({
  request: async () =>
    withText(aGranted({ grants: [failed], result: 'partial', missing: [{ target: awsTarget, message: 'm', next: 'n' }] }), text),
  status: async () => withText(aStatus({ grants: [failed], faults: [{ code: 'stuck', message: 'm' }] }), text),
  waiting: async () => withText(aWaiting(), text),
  audit: async () => withText([event], text),
  explain: async () => withText(explained, text),
  revoke: async () => withText(over, text),
  release: async () => withText({ ...over, request: aRequest() }, text),
  roles: async () =>
    withText([{ name: 'db', description: 'd', targets: [awsTarget], ttl: { defaultMs: 1, maxMs: 2 }, rules: ['allow: x'] }], text),
  sweep: async () =>
    withText(
      {
        steps: (['done', 'later', 'failed'] as const).map((outcome) => ({
          action: 'end' as const,
          outcome,
          requestId: 'k',
          role: 'r',
          holder: 'h',
          target: awsTarget,
          because: 'b',
        })),
        ended: 1,
        failed: 1,
        remaining: 1,
      },
      text,
    ),
  doctor: async () =>
    withText({ checks: [{ area: 'sweep' as const, what: 'w', outcome: 'fault' as const, because: 'b', next: 'n' }] }, text),
});

const looks = [
  'request db-admin',
  'status',
  'approve',
  'audit list',
  'explain db-admin',
  'revoke k7m2xq',
  'release k7m2xq',
  'roles',
  'sweep',
];

describe('text that others wrote', () => {
  it.each(looks)(
    'is shown harmlessly by %s',
    async (look) => {
      await fc.assert(
        fc.asyncProperty(sentence, fc.boolean(), async (text, json) => {
          const io = fakeIo({ tty: !json, width: 80 });
          await main([...look.split(' '), '--no-color', '--no-input', ...(json ? ['--json'] : [])], {}, io, fakeWiring(answers(text)));
          expectHarmless(`${io.out()}\n${io.err()}`);
          expect(io.out() + io.err()).not.toBe('');
          if (json) expect(JSON.parse(io.out())).toMatchObject({ schema: 1 });
        }),
        cases(40, 0.2),
      );
    },
    60 * 60_000,
  );
});
