/** The completion as a shell runs it: the real script, in a real bash (zsh and fish where there are any), asking a stand-in for `oncall`. */

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { commands } from '../../src/commands/index.ts';
import { OncallError } from '../../src/errors.ts';
import type { Operations } from '../../src/operations/types.ts';
import { fakeIo } from '../fakes/io.ts';
import { ana, aPending, aRequest, aStatus, fakeWiring, hour, oktaTarget } from '../fakes/operations.ts';

async function completion(args: string[], answers: Partial<Operations> = {}) {
  const io = fakeIo();
  const wiring = fakeWiring(answers);
  const exit = await main(['completion', ...args], {}, io, wiring);
  return { exit, out: io.out(), err: io.err(), calls: wiring.calls };
}

const hasShell = (name: string) => spawnSync(name, ['-c', 'true']).status === 0;
const shells = { bash: hasShell('bash'), zsh: hasShell('zsh'), fish: hasShell('fish') };
let folder = '';
const scripts: Record<string, string> = {};

/** Answers `completion --words X` with words that tell what was asked, and notes how it was called. */
const standIn = `#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
[ -n "$BROKEN" ] && { echo 'error: broken' >&2; exit 1; }
for last; do :; done
printf 'db-admin\\tOn-Call: Database\\ndb-reader\\trole\\n%s-asked\\tx\\n$(touch %s)\\tx\\n' "$last" "$CALLS.pwned"
`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'oncall-completion-'));
  writeFileSync(join(folder, 'oncall'), standIn);
  chmodSync(join(folder, 'oncall'), 0o755);
  mkdirSync(join(folder, 'a folder'));
  writeFileSync(join(folder, 'a policy.yaml'), '');
  for (const shell of Object.keys(shells)) {
    scripts[shell] = (await completion([shell])).out;
    writeFileSync(join(folder, `completion.${shell}`), scripts[shell] ?? '');
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const env = (more: Record<string, string> = {}) => ({
  PATH: `${folder}:${process.env.PATH}`,
  HOME: folder,
  CALLS: join(folder, 'calls'),
  ...more,
});

/** What was asked of `oncall` while `complete` ran. */
function asking<T>(complete: () => T): { readonly result: T; readonly calls: string } {
  rmSync(join(folder, 'calls'), { force: true });
  const result = complete();
  try {
    return { result, calls: readFileSync(join(folder, 'calls'), 'utf8').trimEnd() };
  } catch {
    return { result, calls: '' };
  }
}

/** What bash offers for the last of these words, and what it asked `oncall` for. */
function inBash(words: readonly string[], more: Record<string, string> = {}) {
  const script = `set -u; source completion.bash
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _oncall; printf '%s\\n' "\${COMPREPLY[@]-}"`;
  const args = ['--norc', '--noprofile', '-c', script, 'bash', ...words];
  const { result: done, calls } = asking(() => spawnSync('bash', args, { cwd: folder, env: env(more), encoding: 'utf8' }));
  expect([done.status, done.stderr]).toEqual([0, '']);
  return { offered: done.stdout.split('\n').filter((line) => line !== ''), calls };
}
const offered = (...words: string[]) => inBash(['oncall', ...words]).offered;

describe.skipIf(!shells.bash)(`in bash${shells.bash ? '' : ' (skipped: there is no bash here)'}`, () => {
  it('completes commands, the two-word ones in two steps', () => {
    expect(offered('')).toEqual([...new Set(commands.map(({ name }) => name.split(' ')[0])), 'help'].sort((a, b) => offeredOrder(a, b)));
    expect(offered('re')).toEqual(expect.arrayContaining(['request', 'release', 'revoke']));
    expect(offered('policy', '')).toContain('check');
    expect(offered('audit', 'l')).toEqual(['list']);
    expect(offered('help', 'exit')).toEqual(['exit-codes']);
  });

  it('completes every flag of every command, and the ones that go everywhere', () => {
    for (const { name, options = [] } of commands) {
      const flags = offered(...name.split(' '), '--');
      for (const { flags: written, hidden } of options) {
        const long = /--[\w-]+/.exec(written)?.[0] ?? '';
        expect(`${name} ${flags.includes(long) ? long : ''}`).toBe(`${name} ${hidden ? '' : long}`);
      }
      expect(flags).toEqual(expect.arrayContaining(['--policy', '--json', '--no-input', '--help']));
    }
    expect(offered('request', '--h')).toEqual(['--hours', '--help']);
    expect(offered('sweep', '-')).toContain('-n');
  });

  it.each([
    [['request', ''], 'roles'],
    [['status', ''], 'roles-and-open'],
    [['explain', ''], 'roles-and-open'],
    [['release', ''], 'mine'],
    [['approve', ''], 'waiting'],
    [['approve', 'k7m2xq', ''], 'waiting'],
    [['deny', ''], 'waiting'],
    [['revoke', ''], 'open'],
    [['revoke', '--role', ''], 'roles'],
    [['revoke', '--role', '='], 'roles'],
    [['--json', 'request', '--hours', '12', ''], 'roles'],
    [['request', '--reason', 'because', ''], 'roles'],
    [['request', '--hours', '=', '12', ''], 'roles'],
  ])('looks up what can stand at the end of %j', (words, what) => {
    const { offered: found, calls } = inBash(['oncall', ...words]);
    expect(calls).toBe(`completion --words ${what}`);
    expect(found).toContain(`${what}-asked`);
  });

  it('offers only what begins as it was typed', () => {
    expect(offered('request', 'db-a')).toEqual(['db-admin']);
    expect(offered('revoke', '--role', '=', 'db-r')).toEqual(['db-reader']);
  });

  it('offers fixed values, and for a free text nothing', () => {
    expect(offered('request', '--until', '')).toEqual(['shift', 'incident']);
    expect(offered('request', '--hours', '1')).toEqual(['12']);
    expect(offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
    expect(inBash(['oncall', 'request', '--reason', ''])).toEqual({ offered: [], calls: '' });
  });

  it('offers a second role to nobody', () => {
    expect(inBash(['oncall', 'request', 'db-admin', ''])).toEqual({ offered: [], calls: '' });
  });

  it('asks about the policy that was named, and completes files there', () => {
    expect(inBash(['oncall', '--policy', 'a policy.yaml', 'request', '']).calls).toBe('--policy a policy.yaml completion --words roles');
    expect(inBash(['oncall', '--policy', '=', './x.yaml', 'request', '']).calls).toBe('--policy ./x.yaml completion --words roles');
    expect(inBash(['oncall', '--policy', '~/x.yaml', 'request', '']).calls).toBe(`--policy ${folder}/x.yaml completion --words roles`);
    expect(offered('--policy', 'a ').sort()).toEqual(['a folder', 'a policy.yaml']);
  });

  it('runs nothing that was looked up, and is silent where looking up fails', () => {
    offered('request', '');
    expect(() => readFileSync(join(folder, 'calls.pwned'))).toThrow(/ENOENT/);
    expect(inBash(['oncall', 'request', ''], { BROKEN: '1' }).offered).toEqual([]);
  });

  it('is registered for oncall', () => {
    const { stdout } = spawnSync('bash', ['--norc', '-c', 'source completion.bash; complete -p oncall'], { cwd: folder, encoding: 'utf8' });
    expect(stdout.trim()).toBe('complete -F _oncall oncall');
  });
});

/** As the help lists them, with the groups of two words behind. */
function offeredOrder(a = '', b = ''): number {
  const order = offeredNames();
  return order.indexOf(a) - order.indexOf(b);
}
const offeredNames = () => {
  const single = commands.filter(({ name }) => !name.includes(' ')).map(({ name }) => name);
  const groups = commands.filter(({ name }) => name.includes(' ')).map(({ name }) => name.split(' ')[0] ?? '');
  return [...single, 'help', ...new Set(groups)];
};

/** As they are typed, with what is looked up at their end. */
const lines: readonly (readonly [string, string])[] = [
  ['request ', 'roles'],
  ['status ', 'roles-and-open'],
  ['release ', 'mine'],
  ['approve ', 'waiting'],
  ['approve k7m2xq ', 'waiting'],
  ['revoke ', 'open'],
  ['revoke --role ', 'roles'],
  ['revoke --role=', 'roles'],
  ['--json request --hours 12 ', 'roles'],
  ['request --hours=12 ', 'roles'],
  ['request --reason because ', 'roles'],
];

/** Types into a real one, at a terminal, and presses Tab; gives what is on the line then, and what is listed below it. */
const typing = `zmodload zsh/zpty
zpty -b z zsh -f -i
for line in "PS1='%%'" 'autoload -Uz compinit; compinit -u -d known-commands' 'source completion.zsh' 'setopt NO_BEEP; stty columns 200 rows 100' \
  'bindkey "^I" complete-word; show() { print -r -- "<$BUFFER>"; zle kill-buffer }; zle -N show; bindkey "^X" show; echo RE""ADY'
do zpty -w z $line; done
zpty -r -m z out '*READY*'
zpty -w -n z "$1"$'\t\x18'
zpty -r -m z out '*<*>*'
print -r -- "$out"
zpty -d z`;

function inZsh(line: string, more: Record<string, string> = {}) {
  const { result, calls } = asking(() =>
    spawnSync('zsh', ['-f', '-c', typing, 'zsh', `oncall ${line}`], { cwd: folder, env: env(more), encoding: 'utf8' }),
  );
  expect([result.status, result.stderr]).toEqual([0, '']);
  const shown = result.stdout.replaceAll(/\u001b\[[\d;?]*[A-Za-z]/g, '').replaceAll('\r', '');
  const [typed = ''] = /<oncall .*>/.exec(shown) ?? [];
  return { line: typed.slice('<oncall '.length, -1), listed: shown, calls };
}

describe.skipIf(!shells.zsh)(`in zsh${shells.zsh ? '' : ' (skipped: there is no zsh here)'}`, () => {
  it('is a script that zsh understands, and that defines the function', () => {
    const script = 'autoload -Uz compinit; compinit -D; source completion.zsh; print -r -- $_comps[oncall] $+functions[_oncall]';
    const done = spawnSync('zsh', ['-f', '-c', script], { cwd: folder, env: env(), encoding: 'utf8' });
    expect([done.stdout.trim(), done.stderr]).toEqual(['_oncall 1', '']);
  });

  it('works as a file of fpath too', () => {
    mkdirSync(join(folder, 'fpath'));
    writeFileSync(join(folder, 'fpath', '_oncall'), scripts['zsh'] ?? '');
    const script = 'fpath=($PWD/fpath $fpath); autoload -Uz compinit; compinit -D -u; print -r -- $_comps[oncall]';
    const done = spawnSync('zsh', ['-f', '-c', script], { cwd: folder, env: env(), encoding: 'utf8' });
    expect([done.stdout.trim(), done.stderr]).toEqual(['_oncall', '']);
  });

  it.each([
    ['req', 'request '],
    ['pol', 'policy '],
    ['policy c', 'policy check '],
    ['request --unt', 'request --until '],
    ['request --until sh', 'request --until shift '],
    ['request db-a', 'request db-admin '],
    ['revoke --role=db-r', 'revoke --role=db-reader '],
    ['--policy a\\ pol', '--policy a\\ policy.yaml '],
    ['completion z', 'completion zsh '],
    ['request db-admin ', 'request db-admin '],
    ['request --reason ', 'request --reason '],
  ])('makes of %j: %j', (typed, line) => {
    expect(inZsh(typed).line).toBe(line);
  });

  it.each(lines)('looks up what can stand after %j', (typed, what) => {
    const { listed, calls } = inZsh(typed);
    expect(calls).toBe(`completion --words ${what}`);
    expect(listed).toContain(`${what}-asked`);
  });

  it('shows what each is, whatever stands in that', () => {
    expect(inZsh('request db-').listed).toMatch(/db-admin +-- On-Call: Database *\n/);
  });

  it('asks about the policy that was named', () => {
    expect(inZsh('--policy a\\ policy.yaml request db-').calls).toBe('--policy a policy.yaml completion --words roles');
    expect(inZsh('--policy=x.yaml request db-').calls).toBe('--policy=x.yaml completion --words roles');
    expect(inZsh('--policy ~/x.yaml request db-').calls).toBe(`--policy ${folder}/x.yaml completion --words roles`);
  });

  it('runs nothing that was looked up, and is silent where looking up fails', () => {
    inZsh('request ');
    expect(() => readFileSync(join(folder, 'calls.pwned'))).toThrow(/ENOENT/);
    expect(inZsh('request ', { BROKEN: '1' }).listed).not.toContain('broken');
  });
});

describe.skipIf(!shells.fish)(`in fish${shells.fish ? '' : ' (skipped: there is no fish here)'}`, () => {
  const inFish = (line: string, more: Record<string, string> = {}) => {
    const script = `source completion.fish; complete --do-complete ${JSON.stringify(`oncall ${line}`)}`;
    const { result, calls } = asking(() =>
      spawnSync('fish', ['--no-config', '-c', script], { cwd: folder, env: env(more), encoding: 'utf8' }),
    );
    expect(result.stderr).toBe('');
    return { offered: result.stdout.split('\n').flatMap((one) => (one === '' ? [] : [one.split('\t')[0] ?? ''])), calls };
  };

  it('completes commands, flags and values, and for a free text nothing', () => {
    expect(inFish('re').offered).toEqual(expect.arrayContaining(['request', 'release', 'revoke']));
    expect(inFish('policy ').offered).toContain('check');
    expect(inFish('request --').offered).toEqual(expect.arrayContaining(['--hours', '--policy']));
    expect(inFish('sweep -').offered).toContain('-n');
    expect(inFish('request --until ').offered).toEqual(expect.arrayContaining(['shift', 'incident']));
    expect(inFish('request db-a').offered).toEqual(['db-admin']);
    expect(inFish('request --reason ')).toEqual({ offered: [], calls: '' });
    expect(inFish('request db-admin ')).toEqual({ offered: [], calls: '' });
    expect(inFish('--policy a').offered).toContain('a policy.yaml');
  });

  it.each(lines)('looks up what can stand after %j', (typed, what) => {
    const { offered: found, calls } = inFish(typed);
    expect(calls).toBe(`completion --words ${what}`);
    expect(found.map((one) => one.replace(/^--role=/, ''))).toEqual(expect.arrayContaining(['db-admin', `${what}-asked`]));
  });

  it('asks about the policy that was named', () => {
    expect(inFish("--policy 'a policy.yaml' request db-").calls).toBe('--policy a policy.yaml completion --words roles');
    expect(inFish('--policy=x.yaml request db-').calls).toBe('--policy=x.yaml completion --words roles');
    expect(inFish('--policy ~/x.yaml request db-').calls).toBe(`--policy ${folder}/x.yaml completion --words roles`);
  });

  it('runs nothing that was looked up, and is silent where looking up fails', () => {
    inFish('request ');
    expect(() => readFileSync(join(folder, 'calls.pwned'))).toThrow(/ENOENT/);
    expect(inFish('request ', { BROKEN: '1' }).offered).toEqual([]);
  });
});

describe('the scripts', () => {
  it.each(['bash', 'zsh', 'fish'])('for %s name every command and every flag', (shell) => {
    const script = scripts[shell] ?? '';
    for (const { name, options = [] } of commands) {
      for (const word of name.split(' ')) expect(script).toContain(word);
      for (const { flags, hidden } of options) {
        const long = /--([\w-]+)/.exec(flags)?.[1] ?? '';
        if (!hidden) expect(script).toMatch(new RegExp(`(--|-l )${long}\\b`));
      }
    }
  });

  it.each(['zsh', 'fish'])('for %s close every quote that they open', (shell) => {
    // What stands in quotes comes from summaries, which may have an apostrophe.
    const bare = (scripts[shell] ?? '').replaceAll(/^\s*#.*$/gm, '').replaceAll(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\\'/g, '');
    expect(bare).not.toMatch(/['"]/);
  });

  it.skipIf(!shells.bash)('for zsh has the shape of a script: bash reads it as well', () => {
    const { status, stderr } = spawnSync('bash', ['-n', join(folder, 'completion.zsh')], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });

  it('exist for three shells, and another is refused with their names', async () => {
    const { exit, err } = await completion(['powershell']);
    expect(exit).toBe(2);
    expect(err).toContain('bash, zsh or fish');
    expect((await completion([])).exit).toBe(2);
  });
});

describe('completion --words', () => {
  const pending = { ...aPending(), id: 'w8', requester: ana };
  const answers: Partial<Operations> = {
    roles: async () => [
      { name: 'db-admin', description: 'a\ttab', targets: [oktaTarget], ttl: { defaultMs: hour, maxMs: hour }, rules: [] },
    ],
    status: async ({ mine }) => aStatus({ requests: mine ? [aRequest()] : [aRequest(), pending] }),
  };
  const words = async (what: string) => (await completion(['--words', what], answers)).out.split('\n').filter((line) => line !== '');

  it('gives a word a line, with what it is', async () => {
    expect(await words('roles')).toEqual(['db-admin\ta tab']);
    expect(await words('open')).toEqual(['k7m2xq\tdb-admin, maria@acme.dev', 'w8\tdb-admin, ana@acme.dev']);
    expect(await words('waiting')).toEqual(['w8\tdb-admin, ana@acme.dev']);
    expect(await words('mine')).toEqual(['db-admin\tk7m2xq', 'k7m2xq\tdb-admin, maria@acme.dev']);
    expect(await words('roles-and-open')).toHaveLength(3);
  });

  it('asks the ledger and the policy only, never a roster or a directory', async () => {
    const verbs = (await completion(['--words', 'roles-and-open'], answers)).calls.map(({ verb }) => verb);
    expect(verbs).toEqual(['roles', 'status']);
  });

  it('says nothing, and does not fail, whatever is wrong', async () => {
    const broken = async () => {
      throw new OncallError('no-policy', 'no policy file was found', { exit: 2 });
    };
    const silent = { exit: 0, out: '', err: '' };
    expect(await completion(['--words', 'roles'], { roles: broken })).toMatchObject(silent);
    expect(await completion(['--words', 'nonsense'])).toMatchObject(silent);
    expect(await completion(['--words', 'constructor'])).toMatchObject(silent);
  });

  it('leaves out what a shell could take for something else', async () => {
    const odd = async () => [{ name: '$(reboot)', targets: [], ttl: { defaultMs: hour, maxMs: hour }, rules: [] }];
    expect(await completion(['--words', 'roles'], { roles: odd })).toMatchObject({ exit: 0, out: '' });
  });
});
