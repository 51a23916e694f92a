/** `request` with nothing: what is asked, in which order, and what the list of roles says about each. */

import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { OncallError } from '../../src/errors.ts';
import type { ExplainInput, ExplainResult, Operations, RoleView } from '../../src/operations/types.ts';
import type { Decision } from '../../src/policy/types.ts';
import type { Prompts } from '../../src/terminal/prompt.ts';
import { widthOf } from '../../src/terminal/text.ts';
import { fakeIo, noon } from '../fakes/io.ts';
import { aDecision, aGranted, fakeWiring, hour, minute, oktaTarget } from '../fakes/operations.ts';

const aRole = (name: string, changes: Partial<RoleView> = {}): RoleView => ({
  ...{ name, targets: [oktaTarget], ttl: { defaultMs: hour, maxMs: 12 * hour }, rules: [] },
  ...changes,
});
const explained = (role: string, decision: Decision): ExplainResult => ({
  ...{ role, requester: 'maria@acme.dev', decision, targets: [oktaTarget], exit: 0 },
});

type Answers = { readonly role?: string; readonly length?: string; readonly input?: string };
const ctrlC = () => Object.assign(new Error('User force closed the prompt'), { name: 'ExitPromptError' });

/** Chooses by how a choice begins; without an answer, Ctrl-C is pressed. */
function terminal({ role, length, input }: Answers, patience: 'patient' | 'impatient' = 'patient') {
  const asked: { message: string; names: readonly string[]; start: unknown; shorts: readonly (string | undefined)[] }[] = [];
  const said: string[] = [];
  const prompts: Prompts = {
    select: async (message, choices, start) => {
      const shorts = choices.map(({ short }) => short);
      asked.push({ message, names: choices.map(({ name }) => name), start, shorts });
      const wanted = message === 'Which role?' ? role : length;
      const choice = choices.find(({ name }) => wanted !== undefined && name.startsWith(wanted));
      if (choice === undefined) throw ctrlC();
      return choice.value;
    },
    input: async (message, check) => {
      asked.push({ message, names: [], start: undefined, shorts: [] });
      said.push(...['', '90', '13h', '2h30m'].map((typed) => `${typed}: ${check(typed) ?? 'ok'}`));
      if (input === undefined) throw ctrlC();
      return input;
    },
    confirm: () => Promise.reject(new Error('not expected')),
    checkbox: () => Promise.reject(new Error('not expected')),
  };
  const forEver = (_: number, signal: AbortSignal) => new Promise<void>((done) => signal.addEventListener('abort', () => done()));
  const io = fakeIo({ tty: true, width: 80, prompts });
  return { io: patience === 'patient' ? { ...io, sleep: forEver } : io, asked, said };
}

async function request(argv: string[], answers: Partial<Operations>, at: ReturnType<typeof terminal>) {
  const wiring = fakeWiring({ request: async () => aGranted(), ...answers });
  const exit = await main(['--utc', '--no-color', 'request', ...argv], {}, at.io, wiring);
  return { exit, out: at.io.out(), err: at.io.err(), calls: wiring.calls };
}

const one = (changes: Partial<RoleView> = {}): Partial<Operations> => ({
  roles: async () => [aRole('db-admin', changes)],
  explain: async ({ role }) => explained(role, aDecision()),
});

describe('request with nothing, on a terminal', () => {
  it('asks for the role and the length, and asks for just that', async () => {
    const at = terminal({ role: 'db-admin', length: '6 h' });
    const { exit, calls } = await request([], one(), at);
    expect(exit).toBe(0);
    expect(at.asked.map(({ message }) => message)).toEqual(['Which role?', 'For how long?']);
    expect(calls.at(-1)).toEqual({ verb: 'request', input: { role: 'db-admin', asked: { forMs: 6 * hour } } });
  });

  it('offers 6, 12 and 24 hours and what is usual, but no more than the role allows, and points at the usual', async () => {
    const at = terminal({ role: 'db-admin', length: '1 h' });
    await request([], one(), at);
    expect(at.asked[1]).toMatchObject({ names: ['1 h', '6 h', '12 h', 'other'], start: hour });
    const long = terminal({ role: 'db-admin', length: '12 h' });
    await request([], one({ ttl: { defaultMs: 12 * hour, maxMs: 48 * hour } }), long);
    expect(long.asked[1]).toMatchObject({ names: ['6 h', '12 h', '24 h', 'other'], start: 12 * hour });
  });

  it('takes another length as it is written, within what the role allows', async () => {
    const at = terminal({ role: 'db-admin', length: 'other', input: ' 2h30m ' });
    const { calls } = await request([], one(), at);
    expect(calls.at(-1)?.input).toEqual({ role: 'db-admin', asked: { forMs: 150 * minute } });
    expect(at.asked[2]?.message).toBe('How long? (90m, 2h30m; at most 12 h)');
    expect(at.said.filter((line) => line.endsWith(': ok'))).toEqual(['2h30m: ok']);
    expect(at.said).toContain('13h: this role is given for at most 12 h');
  });

  it('does not ask for a length that a flag gave, and looks ahead with it', async () => {
    const at = terminal({ role: 'db-admin' });
    const { calls } = await request(['--hours', '3', '--incident', 'INC-42'], one(), at);
    const asked = { role: 'db-admin', asked: { forMs: 3 * hour }, incident: 'INC-42' };
    expect(calls.slice(1)).toEqual([
      { verb: 'explain', input: asked },
      { verb: 'request', input: asked },
    ]);
    expect(at.asked).toHaveLength(1);
  });

  it('opens the policy and the ledger once', async () => {
    const wiring = fakeWiring({ ...one(), request: async () => aGranted() });
    await main(['request'], {}, terminal({ role: 'db-admin', length: '6 h' }).io, wiring);
    expect(wiring.closed).toBe(1);
  });
});

describe('the list of roles', () => {
  const finding = (effect: 'allow' | 'deny' | 'ask', holds: boolean | 'unknown', because: string) => ({
    ...{ rule: 'r', effect, holds, because },
  });
  const decisions: Record<string, () => Decision> = {
    'not-mine': () => aDecision({ outcome: 'deny', findings: [finding('allow', false, 'not on call for "db-primary"')] }),
    blocked: () => aDecision({ outcome: 'deny', findings: [finding('allow', true, 'is fine'), finding('deny', true, 'is on leave')] }),
    silent: () => aDecision({ outcome: 'deny', undecided: true, findings: [finding('allow', 'unknown', 'PagerDuty did not answer')] }),
    asking: () => aDecision({ outcome: 'ask', approvers: ['on call for pagerduty/PMGR567', 'member of okta/Leads'] }),
    broken: () => {
      throw new OncallError('odd', 'something about this role');
    },
    mine: () => aDecision(),
  };
  const answers: Partial<Operations> = {
    roles: async () => Object.keys(decisions).map((name) => aRole(name)),
    explain: async ({ role }: ExplainInput) => explained(role, decisions[role]?.() ?? aDecision()),
  };

  it('says what would be approved now, what one can have first', async () => {
    const at = terminal({});
    await request([], answers, at);
    expect(at.asked[0]?.names).toEqual([
      'mine      allowed until 14:47Z, 2 h 47 min',
      'asking    ask on call for pagerduty/PMGR567, or member of okta/Leads',
      'silent    not known: PagerDuty did not answer',
      'broken    not known: something about this role',
      'not-mine  no: not on call for "db-primary"',
      'blocked   no: is on leave',
    ]);
    expect(at.asked[0]?.shorts[0]).toBe('mine');
  });

  it('says what one has already, and what one cannot have now, behind what one can', async () => {
    const at = terminal({});
    const results: Record<string, Partial<ExplainResult>> = {
      taken: { exit: 8, refusal: { code: 'taken', message: 'migration has one place: ana has it', why: '', next: '' } },
      half: { held: { id: 'mk2w7f', expiresAt: noon + hour, missing: [oktaTarget] }, exit: 0 },
      held: { held: { id: 'mk2w7e', expiresAt: noon + hour, missing: [] }, exit: 0 },
      free: {},
      which: { exit: 2, refusal: { code: 'which-incident', message: 'you have 2 live incidents', why: '4711; 4712', next: '' } },
    };
    const roles = async () => Object.keys(results).map((name) => aRole(name));
    await request([], { roles, explain: async ({ role }) => ({ ...explained(role, aDecision()), ...results[role] }) }, at);
    expect(at.asked[0]?.names).toEqual([
      'free   allowed until 14:47Z, 2 h 47 min',
      'half   you have it, but not okta/On-Call Database Admin, until 13:00Z (mk2w…',
      'held   you have it until 13:00Z (mk2w7e)',
      'taken  not now: migration has one place: ana has it',
      'which  it depends on the incident',
    ]);
  });

  it('fits a terminal of 80 columns, with the pointer before it', async () => {
    const at = terminal({});
    const long = aDecision({ outcome: 'ask', approvers: ['somebody '.repeat(30)] });
    await request([], { roles: async () => [aRole('r'.repeat(60))], explain: async ({ role }) => explained(role, long) }, at);
    expect(at.asked[0]?.names.map(widthOf)).toEqual([76]);
  });

  it('does not wait for ever: what is not known by then is said to be so, and can be chosen all the same', async () => {
    const at = terminal({ role: 'slow', length: '1 h' }, 'impatient');
    const never = new Promise<ExplainResult>(() => undefined);
    const { calls } = await request([], { roles: async () => [aRole('slow')], explain: () => never }, at);
    expect(at.asked[0]?.names).toEqual(['slow  not known yet']);
    expect(calls.at(-1)?.verb).toBe('request');
  });

  it('asks about few roles at once', async () => {
    let [now, most] = [0, 0];
    const explain = async ({ role }: ExplainInput) => {
      most = Math.max(most, ++now);
      await Promise.resolve();
      now -= 1;
      return explained(role, aDecision());
    };
    const at = terminal({});
    await request([], { roles: async () => Array.from({ length: 20 }, (_, index) => aRole(`role-${index}`)), explain }, at);
    expect(at.asked[0]?.names.filter((name) => name.includes('allowed'))).toHaveLength(20);
    expect(most).toBe(6);
  });

  it('asks nothing where nobody is signed in', async () => {
    const at = terminal({});
    const explain = async () => {
      throw new OncallError('not-signed-in', 'you are not signed in', { exit: 4, next: 'oncall login' });
    };
    const { exit, err } = await request([], { ...one(), explain }, at);
    expect([exit, at.asked]).toEqual([4, []]);
    expect(err).toContain('next: oncall login');
  });

  it('says so where the policy has no roles', async () => {
    const { exit, err } = await request([], { roles: async () => [] }, terminal({}));
    expect(exit).toBe(2);
    expect(err).toContain('error: the policy has no roles');
  });
});

describe('Ctrl-C', () => {
  it.each([
    ['at the role', {}],
    ['at the length', { role: 'db-admin' }],
    ['at another length', { role: 'db-admin', length: 'other' }],
  ])('%s exits 130, quietly, and nothing is asked for', async (_, answers) => {
    const { exit, out, err, calls } = await request([], one(), terminal(answers));
    expect([exit, out, err]).toEqual([130, '', 'looking at what you would get now …\n']);
    expect(calls.map(({ verb }) => verb)).not.toContain('request');
  });

  it('exits 130 while it looks ahead', async () => {
    const at = terminal({ role: 'db-admin' }, 'impatient');
    const explain = () => {
      at.io.interrupt();
      return new Promise<ExplainResult>(() => undefined);
    };
    const { exit, calls } = await request([], { ...one(), explain }, at);
    expect([exit, at.asked]).toEqual([130, []]);
    expect(calls.map(({ verb }) => verb)).not.toContain('request');
  });
});
