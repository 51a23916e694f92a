import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import type { SweepResult, SweepStep } from '../../src/operations/types.ts';
import type { Issue } from '../../src/policy/issue.ts';
import { fakeIo } from '../fakes/io.ts';
import { fakeWiring, oktaTarget } from '../fakes/operations.ts';

const heartbeat: SweepStep = { action: 'heartbeat', outcome: 'done', because: 'okta was read' };
const ended: SweepStep = {
  action: 'end',
  outcome: 'done',
  requestId: 'k7m2xq',
  role: 'db-admin',
  holder: 'maria@acme.dev',
  target: oktaTarget,
  because: 'its time is over',
};
const stuck: SweepStep = { ...ended, outcome: 'failed', because: 'okta did not answer, 6 tries' };

async function sweep(result: Partial<SweepResult>, argv: string[] = [], issues: Issue[] = [], io = fakeIo()) {
  const wiring = fakeWiring({ sweep: async () => ({ steps: [heartbeat], ended: 0, failed: 0, remaining: 0, ...result }) }, issues);
  const salvage: unknown[] = [];
  const wire: typeof wiring.wire = (options) => {
    salvage.push(options.salvage);
    return wiring.wire(options);
  };
  const exit = await main(['sweep', ...argv], {}, io, { ...wiring, wire });
  return { exit, out: io.out(), err: io.err(), calls: wiring.calls, salvage };
}

describe('sweep', () => {
  it('prints nothing where nothing was to do, on neither stream: cron would mail it', async () => {
    expect(await sweep({})).toMatchObject({ exit: 0, out: '', err: '' });
  });

  it('prints its document all the same with --json', async () => {
    const { out } = await sweep({}, ['--json']);
    expect(JSON.parse(out)).toEqual({ schema: 1, steps: [heartbeat], ended: 0, failed: 0, remaining: 0 });
  });

  it('tells what it ended', async () => {
    const { exit, out } = await sweep({ steps: [heartbeat, ended], ended: 1 });
    expect(exit).toBe(0);
    expect(out).toBe('ended    maria@acme.dev in okta/On-Call Database Admin (k7m2xq db-admin): its time is over\n1 membership ended\n');
  });

  it('tells of what ended while its holder is in by another grant that they stay, and counts it as nobody out', async () => {
    const stays = { ...ended, stays: 'mk2w7e' };
    const { out } = await sweep({ steps: [stays, { ...ended, stays: 'before' }], ended: 2 });
    expect(out).toBe(
      'stays    maria@acme.dev in okta/On-Call Database Admin (k7m2xq db-admin): its time is over; still in by mk2w7e\n' +
        'stays    maria@acme.dev in okta/On-Call Database Admin (k7m2xq db-admin): its time is over; in as before the request\n',
    );
  });

  it('prints no count where nothing ended and nothing is left', async () => {
    const drift: SweepStep = { action: 'drift', outcome: 'done', holder: 'sam@acme.dev', target: oktaTarget, because: 'left alone' };
    expect((await sweep({ steps: [drift] })).out).toBe('drift    sam@acme.dev in okta/On-Call Database Admin: left alone\n');
  });

  it('does not count what will be tried again as a failure', async () => {
    const { exit, out } = await sweep({ steps: [{ ...ended, outcome: 'later' }], remaining: 1 });
    expect(exit).toBe(0);
    expect(out).toContain('0 memberships ended, 1 will be tried again');
  });

  it('exits 1 for what failed, and names it on stderr', async () => {
    const { exit, out, err } = await sweep({ steps: [heartbeat, stuck], failed: 1, remaining: 1 });
    expect([exit, out]).toEqual([1, '']);
    expect(err).toMatch(/^error: the sweep left 1 fault behind\n {2}why: {2}maria@acme.dev in okta.*6 tries\n {2}next: /);
  });

  it('exits 1 for members whom it left in, with how many, where, and what to type next, also with --json', async () => {
    const because = '3 of 4 members came in without oncall, and too many at once to take them out unasked';
    const next = 'an admin takes them over: oncall adopt okta/db';
    const result = { steps: [heartbeat, { action: 'drift', outcome: 'failed', target: oktaTarget, because, next } as const], failed: 1 };
    const { exit, err } = await sweep(result);
    expect(exit).toBe(1);
    expect(err.replaceAll(/\s+/g, ' ')).toContain(`why: okta/On-Call Database Admin: ${because}`);
    expect(err).toContain(`next: ${next}\n`);
    const json = await sweep(result, ['--json']);
    expect(json.exit).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({ failed: 1, error: { code: 'sweep-failed', next: expect.stringContaining(next) } });
  });

  it('counts what is overdue although no step failed', async () => {
    const { exit, err } = await sweep({ steps: [heartbeat], failed: 2, remaining: 2 });
    expect(exit).toBe(1);
    expect(err).toContain('why:  2 grants overdue or stuck');
  });

  it('says what it would do with --dry-run, and asks for nothing more', async () => {
    const { out, calls } = await sweep({ steps: [{ ...ended, outcome: 'planned' }] }, ['--dry-run']);
    expect(calls).toEqual([{ verb: 'sweep', input: { dryRun: true } }]);
    expect(out).toMatch(/^would end maria@acme.dev[^\n]*\n$/);
  });

  it('works with what is sound in a policy with faults, and exits 1 for them', async () => {
    const issue: Issue = { severity: 'error', code: 'unknown-key', message: 'unknown key "alow"', path: 'roles.x', line: 7, column: 3 };
    const summed: SweepStep = { action: 'policy', outcome: 'failed', because: 'the policy has a fault' };
    const { exit, out, err, salvage } = await sweep({ steps: [summed, ended], ended: 1, failed: 1 }, [], [issue]);
    expect([exit, salvage]).toEqual([1, [true]]);
    expect(out).toContain('1 membership ended');
    expect(err).toMatch(/^error: the policy has 1 fault; /);
    expect(err).toContain('/etc/oncall/oncall.yaml:7:3 unknown-key unknown key "alow"');
    expect(err).toContain('next: oncall policy check');
  });

  it('does not fail for a warning', async () => {
    const warning: Issue = { severity: 'warning', code: 'any-schedule', message: 'm', path: '', line: 1, column: 1 };
    expect((await sweep({}, [], [warning])).exit).toBe(0);
  });
});
