/** A program of the user's: what it gets, that no shell reads it, and the contract. */

import { chmodSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import command from '../../src/notices/command.ts';
import { notice, noticesContract } from '../contracts/notices.ts';
import { open } from './http-world.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'oncall-told-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string): string => join(folder, name);
const script = (name: string, text: string): string => {
  writeFileSync(file(name), `#!/bin/sh\n${text}\n`);
  chmodSync(file(name), 0o755);
  return `./${name}`;
};
const read = (name: string): string => (existsSync(file(name)) ? readFileSync(file(name), 'utf8') : '');

process.env.ONCALL_TEST_TOKEN = 'CANARY-of-the-program';

noticesContract(
  'command',
  async () => {
    const tell = script('tell', 'cat >> got; [ -f mood ] && . ./mood; exit 0');
    return {
      sender: await open(command, { run: [tell], env: { TOKEN: { env: 'ONCALL_TEST_TOKEN' } }, timeout: '1s' }, folder),
      got: () =>
        read('got')
          .trim()
          .split('\n')
          .filter((line) => line !== ''),
      clear: () => {
        for (const name of ['got', 'mood']) rmSync(file(name), { force: true });
      },
      be: (trouble) => writeFileSync(file('mood'), trouble === 'silent' ? 'sleep 30' : 'echo "no: $TOKEN" >&2; exit 3'),
      troubles: { down: 'unavailable', silent: 'timeout' },
      withoutSecret: () => open(command, { run: [tell], env: { TOKEN: { env: 'ONCALL_TEST_NOT_SET' } } }, folder),
      secrets: ['CANARY-of-the-program'],
      stop: async () => undefined,
    };
  },
  { events: true },
);

describe('what a program gets', () => {
  it('is one line of JSON on stdin, and its arguments as they stand: no shell reads any of it', async () => {
    const hostile = '$(touch made) `touch made` ; touch made | touch made > made';
    const program = script('program', `printf '<%s>' "$@" > args; cat > stdin`);
    const sender = await open(command, { run: [program, hostile] }, folder);
    await sender.send(notice({ title: hostile, lines: ["'; touch made; '"] }), {});
    expect(read('args')).toBe(`<${hostile}>`);
    expect(JSON.parse(read('stdin'))).toMatchObject({ schema: 1, title: hostile, lines: ["'; touch made; '"] });
    expect(read('stdin').trimEnd().includes('\n')).toBe(false);
    expect(existsSync(file('made'))).toBe(false);
  });

  it('is not given to a program that somebody else could change', async () => {
    const program = script('loose', 'touch ran');
    chmodSync(file('loose'), 0o777);
    const sender = await open(command, { run: [program] }, folder);
    await expect(sender.send(notice(), {})).rejects.toMatchObject({
      fault: 'refused',
      applied: 'no',
      message: expect.stringContaining('is not run'),
    });
    await expect(sender.ready({})).rejects.toMatchObject({ fault: 'refused' });
    expect(existsSync(file('ran'))).toBe(false);
  });
});
