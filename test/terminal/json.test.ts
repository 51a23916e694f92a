import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toDocument } from '../../src/terminal/json.ts';
import { aGranted } from '../fakes/operations.ts';

describe('toDocument', () => {
  it('begins with the schema and is one line-ended document', () => {
    expect(toDocument({ error: null })).toBe('{\n  "schema": 1,\n  "error": null\n}\n');
  });

  it('spells a target that is an IAM role as the policy does', () => {
    const group = 'arn:aws:iam::111122223333:role/ops/db-admin';
    const targets = [
      { directory: 'aws-prod', group },
      { directory: 'aws-prod', group: 'db-admins' },
    ];
    expect(JSON.parse(toDocument({ targets, target: targets[0] }))).toEqual({
      schema: 1,
      targets: [{ directory: 'aws-prod', assumeRole: group }, targets[1]],
      target: { directory: 'aws-prod', assumeRole: group },
    });
  });

  it('turns instants into RFC 3339 UTC, and leaves lengths and counts as numbers', () => {
    const at = Date.parse('2026-11-22T05:00:00Z');
    const document = JSON.parse(
      toDocument({
        expiresAt: at,
        pendingUntil: at,
        addBy: at,
        at,
        version: 3,
        forMs: 1000,
        ttl: { maxMs: 5 },
        approvals: [{ by: { email: 'a' }, at }],
      }),
    );
    expect(document).toEqual({
      schema: 1,
      expiresAt: '2026-11-22T05:00:00.000Z',
      pendingUntil: '2026-11-22T05:00:00.000Z',
      addBy: '2026-11-22T05:00:00.000Z',
      at: '2026-11-22T05:00:00.000Z',
      version: 3,
      forMs: 1000,
      ttl: { maxMs: 5 },
      approvals: [{ by: { email: 'a' }, at: '2026-11-22T05:00:00.000Z' }],
    });
  });

  it('writes an end that was asked for as until, be it an instant or a word', () => {
    expect(JSON.parse(toDocument({ asked: { untilMs: 0 } })).asked).toEqual({ until: '1970-01-01T00:00:00.000Z' });
    expect(JSON.parse(toDocument({ asked: { until: 'shift' } })).asked).toEqual({ until: 'shift' });
  });

  it('leaves no epoch milliseconds anywhere in what request answers', () => {
    const { request, grants, decision } = aGranted();
    expect(toDocument({ request, grants, decision })).not.toMatch(/: 1[67]\d{11}/);
  });

  it('escapes what a terminal would act on, and stays the same document', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (reason) => {
        const text = toDocument({ reason });
        return !/[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/u.test(text) && JSON.parse(text).reason === reason;
      }),
    );
  });
});
