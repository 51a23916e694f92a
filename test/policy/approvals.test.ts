/** `quorum`, `escalate` and `delegate`: what they come to, and what a policy must not say by them. */

import { describe, expect, it } from 'vitest';
import { rehearse } from '../../src/operations/rehearse.ts';
import { delegatedTo } from '../../src/policy/delegation.ts';
import { parseFixtures } from '../../src/policy/fixtures.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import { begun, nextAt, turnsOf } from '../../src/policy/turns.ts';
import type { Finding } from '../../src/policy/types.ts';
import { marked } from './marked.ts';
import { ask, at, fileWith, hour, input, minute, policyOf, roleOf } from './world.ts';

const asked = 'ask: [ { user: maria@acme.dev } ]';
const three = 'approvers: [ { user: a@acme.dev }, { user: [b@acme.dev, c@acme.dev] }, { onCall: file/leads } ]';
const named = 'approvers: [ { user: a@acme.dev }, [ { user: b@acme.dev }, { user: A@acme.dev } ] ]';

function check(faulty: string, now?: number) {
  const { text, expected } = marked(faulty);
  const { issues } = parsePolicy(text, { ...input, ...(now === undefined ? {} : { now }) });
  expect(issues.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual(expected);
  return issues;
}

describe('quorum and escalate', () => {
  it('are one and none where nothing is said, and the role’s own come before the common ones', () => {
    const of = (role: string, top = '') => {
      const { quorum, escalateMs } = roleOf(`${asked}\n${three}\n${role}`, top);
      return [quorum, escalateMs];
    };
    const common = 'defaults: { quorum: 2, escalate: 5m }';
    expect(of('')).toEqual([undefined, undefined]);
    expect(of('quorum: 1')).toEqual([undefined, undefined]);
    expect(of('quorum: 3\nescalate: 10m')).toEqual([3, 10 * minute]);
    expect(of('', common)).toEqual([2, 5 * minute]);
    expect(of('quorum: 1\nescalate: 1m', common)).toEqual([undefined, minute]);
  });

  it('are part of the question', () => {
    const role = roleOf(`${asked}\n${three}\nquorum: 2`);
    expect(ask(role, [])).toMatchObject({ outcome: 'ask', quorum: 2 });
    expect(ask(roleOf(`${asked}\n${three}`), []).quorum).toBeUndefined();
  });

  it.each<[string, string]>([
    ['of nobody', `${asked}\n${three}\nquorum: ‹bad-value›0`],
    ['of more people than are named', `${asked}\n${named}\nquorum: ‹quorum-too-large›3`],
    ['of as many as are named', `${asked}\n${named}\nquorum: 2`],
    ['of more than are named, where a shift may name more', `${asked}\n${three}\nquorum: 9`],
    ['where nobody is to say yes', 'allow: [ { user: a@acme.dev } ]\n‹orphan-key›quorum: 2'],
    ['without a unit', `${asked}\n${three}\nescalate: ‹bad-duration›10`],
    ['from nobody to nobody', `${asked}\napprovers: [ { user: a@acme.dev } ]\n‹escalate-unused›escalate: 10m`],
    ['so slow that the last never comes', `${asked}\n${three}\nwithin: 30m\nescalate: ‹escalate-too-slow›15m`],
    ['just in time', `${asked}\n${three}\nwithin: 30m\nescalate: 14m`],
  ])('%s', (_, role) => {
    check(fileWith(role));
  });

  it('are told where they stand, also in the defaults', () => {
    check(fileWith(`${asked}\n${named}`, 'defaults: { quorum: ‹quorum-too-large›3 }'));
    check(fileWith(`${asked}\n${three}`, 'defaults: { escalate: ‹escalate-too-slow›1h }'));
    check(fileWith('allow: [ { user: a@acme.dev } ]', 'defaults: { quorum: 3, escalate: 10m }'));
  });
});

describe('turns', () => {
  const role = roleOf(`${asked}\n${three}\nescalate: 10m`);
  const times = (findings: readonly Finding[] = [], policyDigest = 'd1') =>
    turnsOf(role, 'd1', { requestedAt: 1000, decision: { findings, policyDigest } }).map((turn) => turn.at - 1000);
  const nobody = (index: number, holds: Finding['holds'] = 'unknown'): Finding => ({
    ...{ rule: `db.approvers[${index}]`, effect: 'approver', holds, because: '' },
  });

  it('come one after the other; an item of which nobody is there takes no time', () => {
    expect(times()).toEqual([0, 10 * minute, 20 * minute]);
    expect(times([nobody(0)])).toEqual([0, 0, 10 * minute]);
    expect(times([nobody(1, false)])).toEqual([0, 10 * minute, 10 * minute]);
    expect(times([nobody(0), nobody(1), nobody(2)])).toEqual([0, 0, 0]);
    expect(times([nobody(0, true), { ...nobody(1), effect: 'ask' }])).toEqual([0, 10 * minute, 20 * minute]);
  });

  it('are those of the policy in force: what was found of another one is not theirs', () => {
    expect(times([nobody(0)], 'd0')).toEqual([0, 10 * minute, 20 * minute]);
  });

  it('are counted from when it began to wait for a yes, not from when somebody joined a line', () => {
    const turns = [{ rule: 'x', who: 'x', at: 5000 }];
    const found = turnsOf(role, 'd1', { requestedAt: 1000, decision: { findings: [], policyDigest: 'd1', turns } });
    expect(found.map((turn) => turn.at)).toEqual([5000, 5000 + 10 * minute, 5000 + 20 * minute]);
  });

  it('have begun from their very instant on', () => {
    const turns = turnsOf(role, 'd1', { requestedAt: 0, decision: { findings: [], policyDigest: 'd1' } });
    expect([0, 10 * minute - 1, 10 * minute, hour].map((now) => begun(turns, now))).toEqual([1, 1, 2, 3]);
    expect([0, 10 * minute, hour].map((now) => nextAt(turns, now))).toEqual([10 * minute, 20 * minute, undefined]);
  });
});

describe('delegate', () => {
  const file = (delegate: string): string => fileWith(`${asked}\n${three}`, `delegate:\n  ${delegate}`);

  it('is for whole days, the last one included', () => {
    const { delegations } = policyOf(file('Boss@acme.dev: { to: [Deputy@acme.dev, b@acme.dev], from: 2026-11-20, until: 2026-12-01 }'));
    expect(delegations).toEqual([
      {
        ...{ from: 'boss@acme.dev', to: ['deputy@acme.dev', 'b@acme.dev'] },
        ...{ startsAt: at('2026-11-20T00:00:00Z'), endsAt: at('2026-12-02T00:00:00Z') },
      },
    ]);
    const may = (who: string, when: string) => delegatedTo(who, delegations ?? [], at(when)).length === 1;
    expect(may('deputy@acme.dev', '2026-11-20T00:00:00Z')).toBe(true);
    expect(may('deputy@acme.dev', '2026-12-01T23:59:59Z')).toBe(true);
    expect(may('deputy@acme.dev', '2026-11-19T23:59:59Z')).toBe(false);
    expect(may('deputy@acme.dev', '2026-12-02T00:00:00Z')).toBe(false);
    expect(may('boss@acme.dev', '2026-11-25T00:00:00Z')).toBe(false);
    expect(policyOf(file('boss@acme.dev: { to: b@acme.dev, until: 2026-12-01 }')).delegations?.[0]?.startsAt).toBeUndefined();
  });

  it.each<[string, string]>([
    ['without an end', '‹missing-key›boss@acme.dev: { to: b@acme.dev }'],
    ['to nobody', 'boss@acme.dev: { to: ‹empty-list›[], until: 2026-12-01 }'],
    ['to themselves', 'boss@acme.dev: { to: ‹delegate-self›Boss@acme.dev, until: 2026-12-01 }'],
    ['of somebody who has no e-mail', '‹bad-email›boss: { to: b@acme.dev, until: 2026-12-01 }'],
    ['to somebody who has none', 'boss@acme.dev: { to: ‹bad-email›deputy, until: 2026-12-01 }'],
    ['until a day that there is not', 'boss@acme.dev: { to: b@acme.dev, until: ‹bad-date›2026-02-30 }'],
    ['that ends before it begins', 'boss@acme.dev: { to: b@acme.dev, from: 2026-12-02, until: ‹delegate-never›2026-12-01 }'],
    ['for one day', 'boss@acme.dev: { to: b@acme.dev, from: 2026-12-01, until: 2026-12-01 }'],
  ])('is refused %s', (_, delegate) => {
    check(file(delegate));
  });

  it('to a service account is refused', () => {
    const identity = 'identity: [ { kind: oidc, issuer: https://id.acme.dev, domains: [acme.dev], machines: { c1: bot@acme.dev } } ]';
    check(`${file('boss@acme.dev: { to: ‹delegate-machine›bot@acme.dev, until: 2026-12-01 }')}${identity}\n`);
  });

  it('that is over is a warning, where somebody asks on which day it is', () => {
    const over = file('boss@acme.dev: { to: b@acme.dev, until: ‹delegate-over›2026-12-01 }');
    expect(check(over, at('2026-12-02T00:00:00Z'))[0]?.severity).toBe('warning');
    check(over.replace('‹delegate-over›', ''), at('2026-12-01T23:00:00Z'));
    check(over.replace('‹delegate-over›', ''));
  });

  it('counts in tests of the policy, on its days', async () => {
    const policy = policyOf(file('c@acme.dev: { to: kim@acme.dev, until: 2026-12-01 }'));
    const one = (user: string, day: string, approvers: string): string =>
      `  - { user: ${user}, role: db, at: ${day}T12:00:00Z, expect: ask, approvers: [${approvers}] }`;
    const everybody = 'a@acme.dev, b@acme.dev, c@acme.dev';
    const text = [
      'cases:',
      one('maria@acme.dev', '2026-12-01', `${everybody}, kim@acme.dev`),
      one('maria@acme.dev', '2026-12-02', everybody),
    ].join('\n');
    const { fixtures, issues } = parseFixtures(text, { policy, machines: {} });
    expect(issues).toEqual([]);
    const { tried } = await rehearse(policy, fixtures ?? { cases: [], people: [] });
    expect(tried.map(({ found, differences }) => ['approvers' in found && found.approvers.length, differences])).toEqual([
      [4, []],
      [3, []],
    ]);
  });

  it('names people who are looked at where names under people are', () => {
    check(
      `${file('boss@acme.dev: { to: kim@acme.dev, until: 2026-12-01 }')}people: { sam@acme.dev: { file: ‹shared-name›kim@acme.dev } }\n`,
    );
  });
});
