/** A folder in which `init` writes a policy, with the embedded pair beside it, and the flags that answer everything. */

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '../../src/cli.ts';
import type { Prompts } from '../../src/terminal/prompt.ts';
import { type FakeIo, fakeIo } from '../fakes/io.ts';

export const groups = {
  users: ['maria@acme.dev', 'sam@acme.dev', 'ana@acme.dev'],
  groups: { 'db-admins': [] as string[], engineering: ['sam@acme.dev'], leads: ['ana@acme.dev'] },
};

/** A program that says that maria is on call, whatever it is asked. */
const program = `#!/bin/sh
cat > /dev/null
echo '{"schema":1,"shifts":[{"user":"maria@acme.dev","schedule":"db-primary","start":null,"end":null}]}'
`;

/** `meet`: is shown what the command runs on. */
type Person = { readonly prompts?: Prompts; readonly user?: string; readonly meet?: (io: FakeIo) => void };

export function newFolder() {
  const path = mkdtempSync(join(tmpdir(), 'oncall-init-'));
  writeFileSync(join(path, 'groups.json'), JSON.stringify(groups));
  writeFileSync(join(path, 'schedule.yaml'), 'schedules:\n  db-primary:\n    - { user: maria@acme.dev }\n');
  writeFileSync(join(path, 'roster.sh'), program);
  chmodSync(join(path, 'roster.sh'), 0o700);
  const file = join(path, 'oncall.yaml');
  const run = async (argv: readonly string[], { prompts, user = 'maria', meet }: Person = {}) => {
    const io = { ...fakeIo({ tty: prompts !== undefined, ...(prompts && { prompts }), now: Date.now() }), cwd: path };
    meet?.(io);
    const env = { HOME: path, XDG_STATE_HOME: path, ONCALL_USER: `${user}@acme.dev` };
    const exit = await main(argv, env, io);
    return { exit, out: io.out(), err: io.err() };
  };
  return {
    ...{ path, file, run },
    init: (flags: Flags, ...more: readonly string[]) => run(['init', ...argvOf(flags), ...more]),
    check: () => run(['policy', 'check', '--policy', file]),
    text: () => readFileSync(file, 'utf8'),
    textOf: (name: string) => readFileSync(join(path, name), 'utf8'),
    files: () => readdirSync(path).sort(),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

export type Folder = ReturnType<typeof newFolder>;
export type Flags = Readonly<Record<string, string>>;

export const argvOf = (flags: Flags): readonly string[] => Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);

export const beforehand = ['groups.json', 'roster.sh', 'schedule.yaml'];
export const local: Flags = { admin: 'ana@acme.dev', directory: 'local', group: 'db-admins' };
export const file: Flags = { roster: 'file', 'on-call': 'db-primary' };
