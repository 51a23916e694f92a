/** Sources of a decision: which are asked, how often, all at once, and what it comes to where one does not answer. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import type { Deps } from '../../src/operations/deps.ts';
import { createOperations } from '../../src/operations/index.ts';
import type { Condition } from '../../src/policy/types.ts';
import { anIncident, onDuty, responder, withIncident } from './duty-world.ts';
import { granted, hour, onCall, refused, role, rule, user } from './world.ts';

const silent = new ProviderError('pagerduty', 'timeout', 'PagerDuty did not answer within 5 s');
const member: Condition = { kind: 'member', directory: 'okta', group: 'web' };
const elsewhere: Condition = { kind: 'onCall', roster: 'elsewhere', schedule: 'Web', levels: [] };

describe('the sources of a decision', () => {
  it('are asked once each, however many rules need them, and only those of the role', async () => {
    const other = role('other', { allow: [rule(elsewhere)] });
    const one = responder({
      deny: [rule({ kind: 'all', conditions: [onCall, user('sam')] }, { name: 'responder.deny[0]' })],
      allow: [
        withIncident({ severities: ['critical'], anyIncident: false }),
        withIncident({ services: ['db'], anyIncident: false }),
        rule(onCall, { name: 'responder.allow[2]', until: 'shift' }),
      ],
      ask: [rule(onCall, { name: 'responder.ask[0]' })],
    });
    const duty = await onDuty([one, other], ['pagerduty', 'elsewhere']);
    duty.incidents.pagerduty?.push(anIncident('4711'));
    granted(await duty.request('maria'));
    expect(duty.asked.sort()).toEqual(['pagerduty incidents', 'pagerduty onCall PDB']);
  });

  it('are asked for the one incident that is named, and for all only where one may speak against somebody', async () => {
    const duty = await onDuty([responder()]);
    duty.incidents.pagerduty?.push(anIncident('4711'));
    granted(await duty.request('maria', { incident: '4711' }));
    expect(duty.asked).toEqual(['pagerduty incident 4711']);
  });

  it('are asked who opened an incident about those alone that are theirs and count', async () => {
    const duty = await onDuty([responder({ allow: [withIncident({ severities: ['major'], anyIncident: false })] })]);
    const mine = anIncident('4711');
    duty.incidents.pagerduty?.push(mine, anIncident('4712', { assigned: ['sam@acme.dev'] }), anIncident('4713', { severities: ['minor'] }));
    const about: string[] = [];
    const deps: Deps = duty.deps('maria');
    const roster: Deps['roster'] = async (name) => ({
      ...(await deps.roster(name)),
      origin: async ({ ref }, email) => {
        about.push(`${ref} ${email}`);
        return { openedBy: 'sam@acme.dev', assignedBy: 'maria@acme.dev' };
      },
    });
    const asked = await createOperations({ ...deps, roster }).request({ role: 'responder', asked: { byDefault: true } });
    expect(about).toEqual(['4711 maria@acme.dev']);
    expect(refused(asked).decision.findings[0]).toMatchObject({ effect: 'ask', holds: true });
  });

  it.each([
    ['only where that matters', 'ask', 1],
    ['not where the rule trusts everybody', 'allow', 0],
  ] as const)('are asked who opened an incident %s', async (_, selfMade, times) => {
    const deny = [withIncident({ types: ['security'], selfMade: 'ask' }, { name: 'responder.deny[0]' })];
    const duty = await onDuty([responder({ deny, allow: [withIncident({ selfMade })] })]);
    duty.incidents.pagerduty?.push(anIncident('4711'), anIncident('4712', { type: 'security', assigned: ['sam@acme.dev'] }));
    const deps: Deps = duty.deps('maria');
    let asked = 0;
    const origin = async (incident: object) => {
      asked += 1;
      return incident;
    };
    const roster: Deps['roster'] = async (name) => ({ ...(await deps.roster(name)), origin });
    const operations = createOperations({ ...deps, roster });
    granted(await operations.request({ role: 'responder', asked: { byDefault: true } }));
    expect(asked).toBe(times);
    // What was let in is not judged again.
    expect(await operations.sweep({})).toMatchObject({ ended: 0, failed: 0 });
    expect(asked).toBe(times);
  });

  it('are asked all at once: the answer takes as long as the slowest, not as all of them', async () => {
    const three = responder({
      allow: [withIncident(), rule(elsewhere, { name: 'responder.allow[1]' }), rule(member, { name: 'responder.allow[2]' })],
    });
    const duty = await onDuty([three], ['pagerduty', 'elsewhere']);
    duty.incidents.pagerduty?.push(anIncident('4711'));
    const deps = duty.deps('maria');
    // Nobody answers before all three were asked: whoever asks one after the other waits for ever.
    const waiting = new Set(['pagerduty', 'elsewhere', 'okta']);
    let open: () => void = () => undefined;
    const allAsked = new Promise<void>((resolve) => {
      open = resolve;
    });
    const gate = async <T>(name: string, answer: Promise<T>): Promise<T> => {
      waiting.delete(name);
      if (waiting.size === 0) open();
      await allAsked;
      return answer;
    };
    const over: Partial<Deps> = {
      roster: async (name) => {
        const roster = await deps.roster(name);
        return {
          ...roster,
          onCall: (...question) => gate(name, roster.onCall(...question)),
          incidents: async (call) => (await gate(name, roster.incidents?.(call) ?? Promise.resolve([]))) ?? [],
        };
      },
      directory: async () => ({ ...duty.world.okta, findGroup: (...question) => gate('okta', duty.world.okta.findGroup(...question)) }),
    };
    const asked = await createOperations({ ...deps, ...over }).request({ role: 'responder', asked: { byDefault: true } });
    expect(granted(asked).result).toBe('granted');
  });
});

describe('a source that does not answer', () => {
  const both = (more: object) =>
    responder({ allow: [withIncident(), rule(elsewhere, { name: 'responder.allow[1]', until: 'shift' })], ...more });
  const company = async (more: object = {}) => {
    const duty = await onDuty([both(more)], ['pagerduty', 'elsewhere']);
    duty.down.set('pagerduty', silent);
    return duty;
  };
  const approvers = [rule(user('sam'))];

  it('keeps nobody out whom another lets in, and the end is that of the other', async () => {
    const duty = await company();
    duty.shifts.push({ schedule: 'Web', email: 'maria@acme.dev', start: 0, end: duty.world.now + hour });
    expect(granted(await duty.request('maria')).decision).toMatchObject({ heldBy: ['responder.allow[1]'], limitedBy: 'shift' });
  });

  it('lets nobody in, and says that it could not be decided', async () => {
    const refusal = refused(await (await company()).request('maria'));
    expect(refusal).toMatchObject({ result: 'undecided', exit: 1, error: { code: 'undecided' } });
    expect(refusal.error.message).toBe('could not decide whether you may have responder: PagerDuty did not answer within 5 s');
    expect(refusal.error.next).toContain('run the same command again');
  });

  it('is a question to a person where the role says so, which can be answered', async () => {
    const duty = await company({ whenUnknown: 'ask', approvers });
    const { request, result } = granted(await duty.request('maria', { reason: 'replica lag' }));
    expect(result).toBe('pending');
    expect(granted(await duty.as('sam').approve({ id: request.id })).result).toBe('granted');
  });

  it('denies where only a deny asks it', async () => {
    const duty = await company({
      deny: [withIncident({}, { name: 'responder.deny[0]' })],
      allow: [rule(user('maria'))],
      whenUnknown: 'ask',
      approvers,
    });
    expect(refused(await duty.request('maria', { reason: 'x' }))).toMatchObject({ result: 'undecided', exit: 1 });
  });

  it('is no answer to an incident that was named: nothing else lets them in for it', async () => {
    const duty = await company();
    expect(refused(await duty.request('maria', { incident: '4711' }))).toMatchObject({ result: 'undecided', exit: 1 });
  });
});
