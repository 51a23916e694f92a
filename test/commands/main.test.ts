/** The command line itself: parsing, help, exit codes, one document, and what an interrupt does. */

import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { commands } from '../../src/commands/index.ts';
import { OncallError, ProviderError } from '../../src/errors.ts';
import type { Operations } from '../../src/operations/types.ts';
import { widthOf } from '../../src/terminal/text.ts';
import { fakeIo, noon } from '../fakes/io.ts';
import { aDecision, aGranted, aRequest, aStatus, aWaiting, fakeWiring, hour } from '../fakes/operations.ts';

async function run(argv: string[], wiring = fakeWiring({}), env: Record<string, string> = {}, io = fakeIo()) {
  const exit = await main(argv, env, io, wiring);
  return { exit, out: io.out(), err: io.err(), calls: wiring.calls, io, wiring };
}

describe('help', () => {
  it('lists every command, examples first, within 80 columns', async () => {
    const { exit, out } = await run(['--help']);
    expect(exit).toBe(0);
    for (const { name, summary } of commands) expect(out).toContain(`\n  ${name.padEnd(14)}  ${summary.slice(0, 30)}`);
    expect(out.indexOf('Examples')).toBeLessThan(out.indexOf('Access\n'));
    for (const line of out.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(80);
  });

  it.each(commands.map(({ name }) => [name]))('explains %s with its options and examples, within 80 columns', async (name) => {
    const { exit, out } = await run([...name.split(' '), '--help']);
    const command = commands.find((one) => one.name === name);
    expect(exit).toBe(0);
    expect(out).toContain(`Usage: oncall ${name}`);
    for (const { flags, hidden } of command?.options ?? []) expect(out.includes(flags)).toBe(hidden === undefined);
    for (const [typed] of command?.examples ?? []) expect(out).toContain(`  ${typed}\n`);
    for (const line of out.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(80);
    expect((await run(['help', ...name.split(' ')])).out).toBe(out);
  });

  it.each([
    ['exit-codes', ['130', 'audit verify: 0 whole, 1 broken, 2']],
    [
      'environment',
      [
        'ONCALL_POLICY',
        'ONCALL_CLIENT_ISSUER',
        'HTTPS_PROXY',
        'NO_PROXY',
        'NODE_EXTRA_CA_CERTS',
        'XDG_STATE_HOME',
        'XDG_CONFIG_HOME',
        'your sign-in',
        'AWS_PROFILE',
      ],
    ],
  ])('has a topic %s', async (topic, words) => {
    const { exit, out } = await run(['help', topic]);
    expect([exit, words.filter((word) => !out.includes(word))]).toEqual([0, []]);
    for (const line of out.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(80);
  });

  it.each([
    ['approve', 'break-glass', 'what was found'],
    ['request', 'left out: 5m'],
  ])('of %s says what is asked for elsewhere, or done without being asked', async (name, ...told) => {
    const { out } = await run([name, '--help']);
    expect(told.filter((one) => !out.replaceAll(/\s+/g, ' ').includes(one))).toEqual([]);
  });

  it('is one document where that is what is read', async () => {
    const { exit, out } = await run(['help', 'exit-codes', '--json']);
    expect(exit).toBe(0);
    expect(JSON.parse(out)).toEqual({ schema: 1, text: (await run(['help', 'exit-codes'])).out });
    expect(JSON.parse((await run(['status', '--help', '--json'])).out)).toMatchObject({ schema: 1 });
  });

  it('prints the version, alone and behind a command', async () => {
    const { out } = await run(['--version']);
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await run(['status', '--version'])).out).toBe(out);
  });

  it('gives only examples that the command line understands', async () => {
    for (const [typed] of commands.flatMap(({ examples }) => examples)) {
      const argv = [...typed.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '').slice(1);
      const { err } = await run(argv);
      expect(err, typed).not.toMatch(/there is no|unknown|missing|cannot be|not a whole/);
    }
  });
});

describe('usage errors', () => {
  it('a bare name: the help, and exit 2, as nothing was done', async () => {
    const { exit, out, err, calls } = await run([]);
    expect([exit, out, calls]).toEqual([2, '', []]);
    expect(err).toBe((await run(['--help'])).out);
  });

  it.each([
    ['options and no command', ['--utc'], /error: a command is missing/],
    ['the version as a word', ['version'], /next: oncall --version/],
    ['the version as other programs have it', ['-v'], /next: oncall --version/],
    [
      'an unknown command, with what may have been meant',
      ['requst', 'db-admin'],
      /there is no command "requst"[\s\S]*next: did you mean request\?/,
    ],
    [
      'an unknown option, with what may have been meant',
      ['request', 'db-admin', '--hour', '12'],
      /unknown option "--hour"[\s\S]*did you mean --hours\?/,
    ],
    ['an option without its value', ['request', 'db-admin', '--hours'], /"--hours <n>" argument missing/],
    ['an argument too many', ['deny', 'a', 'b'], /too many arguments/],
    ['a missing argument', ['release'], /missing required argument/],
    ['a second --policy, which must not win in silence', ['--policy', 'a.yaml', 'status', '--policy', 'b.yaml'], /--policy[\s\S]*twice/],
    ['half a command', ['policy'], /oncall policy needs a command of its own/],
    ['two lengths', ['request', 'db-admin', '--hours', '1', '--for', '2h'], /--hours and --for cannot be combined/],
    ['hours that are no number', ['request', 'db-admin', '--hours', 'twelve'], /not a whole number of hours/],
    ['no hours at all', ['request', 'db-admin', '--hours', '0'], /not a whole number of hours above 0/],
    ['a bare number as a duration', ['request', 'db-admin', '--for', '12'], /--for 12: .*unit/],
    ['an instant without an offset', ['request', 'db-admin', '--until', '2026-11-22T05:00:00'], /offset/],
    ['--timeout without --wait', ['request', 'db-admin', '--timeout', '5m'], /--timeout needs --wait/],
    ['--despite-late-sweep without a reason', ['request', 'db-admin', '--despite-late-sweep'], /needs --reason/],
    ['a role that is missing where nobody can be asked', ['request'], /which role is missing[\s\S]*oncall roles/],
    ['an unknown help topic', ['help', 'me'], /no help about "me"/],
    ['a limit that is no number', ['audit', 'list', '--limit', 'x'], /--limit x/],
    ['nothing to revoke', ['revoke'], /what to revoke is missing/],
    ['two things to revoke', ['revoke', 'k7m2xq', '--all'], /only one of/],
  ])('%s: exit 2, three lines, nothing on stdout, nothing called', async (_, argv, message) => {
    const { exit, out, err, calls } = await run(argv);
    expect([exit, out, calls]).toEqual([2, '', []]);
    expect(err).toMatch(/^error: /);
    expect(err).toMatch(message);
    expect(err).toMatch(/\n {2}next: .+\n$/);
  });

  it('are a document with --json, even where the rest was not understood', async () => {
    const { exit, out } = await run(['requst', '--json']);
    expect(exit).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ schema: 1, error: { code: 'usage', message: 'there is no command "requst"' } });
  });
});

describe('global flags', () => {
  const wiring = () => fakeWiring({ status: async () => aStatus() });

  it('mean the same before and after the name of the command', async () => {
    const before = await run(['--json', '--policy', 'p.yaml', 'status'], wiring());
    const after = await run(['status', '--policy', 'p.yaml', '--json'], wiring());
    expect(before.exit).toBe(0);
    expect(JSON.parse(before.out).schema).toBe(1);
    expect(after.out).toBe(before.out);
  });

  it('hand --policy, the working folder and the environment to the wiring', async () => {
    const seen: unknown[] = [];
    const fake = wiring();
    await run(
      ['status', '--policy', 'p.yaml'],
      {
        ...fake,
        wire: (options) => {
          seen.push(options);
          return fake.wire(options);
        },
      },
      { ONCALL_USER: 'me' },
    );
    expect(seen).toMatchObject([{ policyPath: 'p.yaml', cwd: '/nowhere', env: { ONCALL_USER: 'me' }, salvage: false }]);
  });

  it('do not eat the word --json behind --', async () => {
    const { exit, out } = await run(['deny', '--', '--json'], fakeWiring({}));
    expect([exit, out]).toEqual([1, '']);
  });

  it('close what was opened, also after a failure', async () => {
    const failing = await run(['status'], fakeWiring({ status: () => Promise.reject(new Error('no')) }));
    expect([failing.exit, failing.wiring.closed]).toEqual([1, 1]);
  });
});

describe('errors', () => {
  const failing = (error: unknown) => fakeWiring({ status: () => Promise.reject(error) });

  it('exit as they say, in three lines', async () => {
    const { exit, err, out } = await run(
      ['status'],
      failing(new OncallError('not-signed-in', '"root" is not an e-mail', { exit: 4, why: 'w', next: 'n' })),
    );
    expect([exit, out, err]).toEqual([4, '', 'error: "root" is not an e-mail\n  why:  w\n  next: n\n']);
  });

  it('from a provider exit 1 with a next step', async () => {
    const { exit, err } = await run(['status'], failing(new ProviderError('PagerDuty', 'timeout', 'PagerDuty did not answer within 5 s')));
    expect([exit, err.split('\n').length]).toEqual([1, 4]);
  });

  it('of the program itself say so, and show the stack under --verbose only', async () => {
    const bug = () => failing(new TypeError('x is not a function'));
    const quiet = await run(['status'], bug());
    expect(quiet.err).toMatch(/^error: a fault in oncall itself: x is not a function\n/);
    expect(quiet.err).not.toContain('main.test.ts');
    expect((await run(['status', '--verbose'], bug())).err).toContain('main.test.ts');
  });

  it('leave control characters of a provider behind', async () => {
    const { err } = await run(['status'], failing(new OncallError('x', 'a\u001b[2Jb\u202e', { why: 'c\rd' })));
    expect(err).toBe('error: ab\n  why:  c d\n');
  });

  it('are exactly one document with --json', async () => {
    const { exit, out } = await run(['--json', 'status'], failing(new OncallError('no-policy', 'none', { exit: 2, why: 'w', next: 'n' })));
    expect(exit).toBe(2);
    expect(JSON.parse(out)).toEqual({ schema: 1, error: { code: 'no-policy', message: 'none', why: 'w', next: 'n' } });
  });

  it('use colour only where stderr may have it', async () => {
    const { err } = await run(['requst'], fakeWiring({}), { FORCE_COLOR: '1' });
    expect(err.startsWith('error:')).toBe(true);
    const colored = await run(['status'], failing(new OncallError('x', 'm')), { FORCE_COLOR: '1' });
    expect(colored.err.startsWith('\u001b[31merror:')).toBe(true);
    const plain = await run(['status', '--no-color'], failing(new OncallError('x', 'm')), { FORCE_COLOR: '1' });
    expect(plain.err.startsWith('error:')).toBe(true);
  });
});

describe('text from people and providers', () => {
  const hostile = () =>
    aGranted({
      decision: {
        ...aGranted().decision,
        findings: [{ rule: 'db-admin.allow[0]', effect: 'allow', holds: true, because: 'on call\u001b[1A\u001b[2K\u202e' }],
      },
    });

  it('cannot act on the terminal', async () => {
    const { out } = await run(['request', 'db-admin'], fakeWiring({ request: async () => hostile() }));
    expect(out).toContain('why:  on call\n');
    expect(out).not.toMatch(/[\u001b\u202e]/);
  });

  it('stays whole, but escaped, in a document', async () => {
    const { out } = await run(['request', 'db-admin', '--json'], fakeWiring({ request: async () => hostile() }));
    expect(out).not.toMatch(/[\u001b\u202e]/);
    expect(JSON.parse(out).decision.findings[0].because).toBe('on call\u001b[1A\u001b[2K\u202e');
  });
});

describe('the next step', () => {
  const nextOf = async (next: string, ...argv: string[]) => {
    const status = () => Promise.reject(new OncallError('x', 'it failed', { next }));
    return /next: (.*)\n/.exec((await run([...argv, 'status'], fakeWiring({ status }))).err)?.[1];
  };

  it.each([
    ['oncall login', 'p.yaml', 'oncall --policy p.yaml login'],
    [
      'oncall login; if it stays so, ask',
      "/etc/on call/it's.yaml",
      "oncall --policy '/etc/on call/it'\\''s.yaml' login; if it stays so, ask",
    ],
    ['oncall sweep', '$& $(rm).yaml', "oncall --policy '$& $(rm).yaml' sweep"],
    ['ask an admin', 'p.yaml', 'ask an admin'],
    ['oncall login https://oncall.acme.dev', 'p.yaml', 'oncall login https://oncall.acme.dev'],
    ['oncall policy check --policy FILE', 'p.yaml', 'oncall policy check --policy FILE'],
    [
      'give it back, then ask again: oncall release k7m2xq',
      'p.yaml',
      'give it back, then ask again: oncall --policy p.yaml release k7m2xq',
    ],
    ['oncall sweep, then oncall audit verify', 'p.yaml', 'oncall --policy p.yaml sweep, then oncall --policy p.yaml audit verify'],
    ['ask who gave you oncall in the first place', 'p.yaml', 'ask who gave you oncall in the first place'],
  ])('goes by the policy that was typed: %s', async (next, policy, shown) => {
    expect(await nextOf(next, '--policy', policy)).toBe(shown);
    expect(await nextOf(next)).toBe(next);
  });

  const waiting = async () => ({ ...aWaiting({ reason: 'as oncall status says' }), reviews: [] });
  const owed = { requestId: 'k7m2xq', role: 'db-admin', holder: 'ana@acme.dev', dueAt: noon + hour };
  const fault = { code: 'late-sweep', message: 'the sweep is late', next: 'oncall sweep' } as const;
  const refusal = { code: 'others-wait', message: 'not now', why: '', next: 'give it back: oncall release db-admin' };
  const answers: Partial<Operations> = {
    request: async () => ({ ...aGranted(), request: aRequest({ origin: 'break-glass' }) }),
    waiting,
    status: async () => aStatus({ emergencies: [owed], faults: [fault] }),
    explain: async () => ({ ...{ role: 'db-admin', requester: 'maria@acme.dev', targets: [], exit: 0 }, decision: aDecision(), refusal }),
    doctor: async () => ({ checks: [{ area: 'sweep', what: 'okta', outcome: 'warning', because: 'never', next: 'oncall sweep' }] }),
  };

  it.each([
    ['request db-admin', ['give back: oncall --policy p.yaml release db-admin', 'review it: oncall --policy p.yaml approve k7m2xq']],
    [
      'approve',
      ['say yes: oncall --policy p.yaml approve <id>', 'say no: oncall --policy p.yaml deny <id>', 'says: as oncall status says'],
    ],
    ['status', ['next: oncall --policy p.yaml sweep', ': oncall --policy p.yaml approve k7m2xq --reason']],
    ['explain db-admin', ['next: give it back: oncall --policy p.yaml release db-admin']],
    ['doctor', ['next: oncall --policy p.yaml sweep']],
  ])('goes by the policy that was typed, in what %s prints', async (typed, told) => {
    const printed = async (argv: string[], env = {}) =>
      (await run([...argv, ...typed.split(' ')], fakeWiring(answers), env)).out.replaceAll(/\s+/g, ' ');
    const out = await printed(['--policy', 'p.yaml']);
    expect(told.filter((one) => !out.includes(one))).toEqual([]);
    for (const plain of [await printed([]), await printed([], { ONCALL_POLICY: 'p.yaml' })])
      expect(plain).toBe(out.replaceAll(' --policy p.yaml', ''));
    expect(await printed(['--json', '--policy', 'p.yaml'])).toBe(await printed(['--json']));
  });

  it('is not broken where that makes it longer than the line', async () => {
    const { out } = await run(['--policy', '/etc/oncall/next.yaml', 'request', 'db-admin'], fakeWiring(answers), {}, fakeIo({ width: 80 }));
    expect(out).toContain('\n        give back: oncall --policy /etc/oncall/next.yaml release db-admin\n');
  });

  it('is as it was typed where a script that sudo runs has put the policy there, which takes no second one', async () => {
    const at = async (SUDO_COMMAND: string) =>
      (await run(['--policy', 'p.yaml', 'request', 'db-admin'], fakeWiring(answers), { SUDO_COMMAND })).out;
    expect(await at('/usr/local/bin/oncall request db-admin')).toContain('give back: oncall release db-admin\n');
    for (const shell of ['/bin/bash', '/usr/bin/oncall --policy p.yaml request db-admin'])
      expect(await at(shell)).toContain('give back: oncall --policy p.yaml release db-admin\n');
  });
});

describe('an interrupt', () => {
  it.each([
    ['sweep', /^stopping: what is under way is finished or left to the sweep[\s\S]*\n {2}next: oncall status/],
    ['status', /^stopping \(again: at once\)\n[\s\S]*\n {2}why: {2}stopped by Ctrl-C or a signal\n {2}next: the same command again\n$/],
  ])('aborts what is under way, exits 130, and says what is left: %s', async (command, said) => {
    const io = fakeIo();
    let aborted: boolean | undefined;
    const fake = fakeWiring({});
    const wiring = {
      ...fake,
      wire: async (options: Parameters<typeof fake.wire>[0]) => {
        io.interrupt();
        aborted = options.signal.aborted;
        throw new ProviderError('okta', 'unavailable', 'stopped before okta answered');
      },
    };
    const { exit, err } = await run([command], wiring, {}, io);
    expect([exit, aborted]).toEqual([130, true]);
    expect(err).toMatch(said);
    expect(err).toContain('error: interrupted\n');
    expect(io.left).toEqual([]);
  });

  it('leaves at once the second time', async () => {
    const io = fakeIo();
    const status = async () => {
      io.interrupt();
      io.interrupt();
      return aStatus();
    };
    await run(['status'], fakeWiring({ status }), {}, io);
    expect(io.left).toEqual([130]);
  });

  it('of a prompt ends quietly', async () => {
    const leave = () => Promise.reject(Object.assign(new Error('User force closed'), { name: 'ExitPromptError' }));
    const io = fakeIo({ tty: true, prompts: { select: leave, checkbox: leave, input: leave, confirm: leave } });
    const revoke = async () => ({ requests: [aRequest()], grants: [], ended: 0, left: 0 });
    const { exit, err, out } = await run(['revoke', '--all'], fakeWiring({ revoke }), {}, io);
    expect([exit, out, err]).toEqual([130, '', '']);
  });

  it('is no longer listened for when the command is over', async () => {
    const io = fakeIo();
    await run(['status'], fakeWiring({ status: async () => aStatus() }), {}, io);
    io.interrupt();
    expect(io.err()).toBe('');
  });
});
