/** Programs of the roster `command` that do what they should not, and programs that must not be run. */

import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod/mini';
import command from '../../src/rosters/command.ts';
import { loadPolicy, readPolicyFile } from '../../src/wiring/load-policy.ts';
import { ask, at, file, folder, gone, nobody, open, pidIn, roster, runs, script, there } from './command-world.ts';

describe('a program that does what it should not', () => {
  it('is cut off where it prints without end', async () => {
    await expect(ask('echo $$ > pid\nwhile :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done')).rejects.toMatchObject({
      fault: 'malformed',
      message: 'the program of ours printed more than 1048576 bytes',
    });
    await gone('pid');
  });

  it('may print a megabyte, and not one byte more', async () => {
    const rest = (bytes: number) => `head -c ${bytes - 24} /dev/zero | tr '\\0' ' '; printf '{"schema":1,"shifts":[]}'`;
    expect(await ask(rest(1024 * 1024))).toEqual([]);
    await expect(ask(rest(1024 * 1024 + 1))).rejects.toMatchObject({ fault: 'malformed' });
  });

  it('is ended with all that it started where it is late, though they refuse to', async () => {
    const text = `trap '' TERM\nsh -c "trap '' TERM; echo \\$\\$ > child; sleep 1000" &\necho $$ > pid\nwhile :; do sleep 1; done`;
    await expect(ask(text, { timeout: '2s' })).rejects.toMatchObject({
      ...{ name: 'ProviderError', fault: 'timeout', message: 'the program of ours did not answer within 2 s' },
      next: expect.stringContaining(file('program')),
    });
    await gone('pid');
    await gone('child');
  });

  it('may clean up where it is late', async () => {
    const text = `trap 'echo cleaned > trace; exit 0' TERM\necho $$ > pid\nwhile :; do sleep 0.1; done`;
    await expect(ask(text, { timeout: '2s' })).rejects.toMatchObject({ fault: 'timeout' });
    await there('trace');
    await gone('pid');
  });

  it('answers though it leaves something behind that keeps its output open: that ends with it', async () => {
    expect(await ask(`sleep 1000 &\necho $! > child\n${nobody}`)).toEqual([]);
    await gone('child');
  });

  it.skipIf(!runs('setsid', 'true'))('is late where what it leaves behind cannot be reached, whatever it had printed', async () => {
    const text = `setsid sh -c 'echo $$ > child; exec sleep 1000' &\nwhile ! [ -s child ]; do sleep 0.1; done\n${nobody}`;
    const pipes = () => process.getActiveResourcesInfo().filter((name) => name === 'PipeWrap').length;
    const before = pipes();
    try {
      await expect(ask(text, { timeout: '3s' })).rejects.toMatchObject({
        fault: 'timeout',
        message: expect.stringContaining('kept its output open'),
      });
      // Else this program could not end before the other does.
      await expect.poll(pipes, { timeout: 5000 }).toBe(before);
    } finally {
      process.kill(pidIn('child'), 'SIGKILL');
    }
  });

  it.each([
    ['prints nothing', 'true', 'malformed', 'ended without an answer'],
    [
      'prints something else than UTF-8',
      `printf '{"schema":1,"shifts":[],"note":"\\377"}'`,
      'malformed',
      'printed something else than UTF-8',
    ],
    ['fails after a good answer', `${nobody}\nexit 1`, 'unavailable', 'ended with code 1'],
    ['is killed after a good answer', `${nobody}\nkill -9 $$`, 'unavailable', 'was ended by SIGKILL'],
    ['dies at once', 'kill -SEGV $$', 'unavailable', 'was ended by SIGSEGV'],
    ['says why it fails', 'echo first >&2; echo "no such host" >&2; echo >&2; exit 3', 'unavailable', 'ended with code 3: "no such host"'],
  ])('is told apart where it %s', async (_, text, fault, message) => {
    await expect(ask(text)).rejects.toMatchObject({ name: 'ProviderError', fault, message: `the program of ours ${message}` });
  });

  it('need not read the question, nor keep its ends open', async () => {
    expect(await ask(`exec <&-\n${nobody}`)).toEqual([]);
    expect(await ask(`exec 2>&-\n${nobody}`)).toEqual([]);
    await expect(ask('exec <&- >&-\nexit 0')).rejects.toMatchObject({ fault: 'malformed' });
  });

  it('may complain at length: the last line is told, as plain text, and short', async () => {
    const line = `\\033[2J\\033]0;title\\007evil\\r\\033[1A\\342\\200\\256 words${'x'.repeat(300)}`;
    const error = await ask(`head -c 3000000 /dev/zero | tr '\\0' '\\n' >&2; printf '${line}\\n' >&2; exit 3`).catch((thrown) => thrown);
    expect(error).toMatchObject({ fault: 'unavailable', message: expect.stringContaining('words') });
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(error.message.length).toBeLessThan(300);
  });

  it('may not bring the secrets of the policy into a message', async () => {
    process.env.ONCALL_TEST_COMMAND_SECRET = 'a-CANARY-of-the-roster';
    const env = { env: { T: { env: 'ONCALL_TEST_COMMAND_SECRET' } } };
    // What is kept of this begins in the middle of the secret.
    const long = `printf '%s' "$T" >&2; head -c 4076 /dev/zero | tr '\\0' 'y' >&2; exit 1`;
    const texts = [
      'echo "login with $T failed" >&2; exit 1',
      `printf '{"schema":1,"error":{"code":"refused","message":"got %s"}}' "$T"`,
      long,
    ];
    try {
      for (const text of texts) {
        const error = await ask(text, env).catch((thrown) => thrown);
        expect(error).toMatchObject({ name: 'ProviderError' });
        expect(JSON.stringify([error, error.message, error.stack])).not.toContain('CANARY');
      }
    } finally {
      delete process.env.ONCALL_TEST_COMMAND_SECRET;
    }
  });

  it('is ended where nobody waits any more, and not begun where nobody did', async () => {
    const stop = new AbortController();
    const ours = await roster('echo $$ > pid\nexec sleep 1000');
    const asking = ours.onCall({ levels: [] }, at, { signal: stop.signal });
    const told = expect(asking).rejects.toMatchObject({
      name: 'ProviderError',
      fault: 'unavailable',
      message: 'stopped before ours answered',
    });
    await there('pid');
    stop.abort();
    await told;
    await gone('pid');
    rmSync(file('pid'));
    await expect(ours.onCall({ levels: [] }, at, { signal: stop.signal })).rejects.toMatchObject({ fault: 'unavailable' });
    expect(existsSync(file('pid'))).toBe(false);
  });

  it('does not outlive this program, should that leave at once', async () => {
    const asking = ask("trap '' TERM\necho $$ > pid\nwhile :; do sleep 1; done");
    const told = expect(asking).rejects.toMatchObject({ message: 'the program of ours was ended by SIGKILL' });
    await there('pid');
    for (const listener of process.listeners('exit').filter(({ name }) => name === 'endAll')) listener(0);
    await told;
    await gone('pid');
  });
});

describe('which program is run', () => {
  const refused = (what: string) =>
    expect.objectContaining({ name: 'ProviderError', provider: 'ours', message: expect.stringContaining(what) });
  const run = (...parts: string[]) => open({ run: parts }, folder()).then((ours) => ours.onCall({ levels: [] }, at, {}));

  it('counts a path from the folder of the policy, and looks for no name in PATH', async () => {
    script(nobody);
    expect(await run('./program')).toEqual([]);
    expect(z.safeParse(command.settings, { run: ['program'] }).success).toBe(false);
  });

  it('says what is wrong with a program that is not there, is a folder, may not be run, or has no interpreter', async () => {
    await expect(run('./none')).rejects.toEqual(refused('cannot be found (ENOENT)'));
    await expect(run('./')).rejects.toEqual(refused('is no file'));
    writeFileSync(file('plain'), '#!/bin/sh\n', { mode: 0o644 });
    await expect(run('./plain')).rejects.toMatchObject({ fault: 'forbidden', next: expect.stringContaining('chmod u+x') });
    writeFileSync(file('odd'), '#!/no/such/interpreter\n', { mode: 0o755 });
    await expect(run('./odd')).rejects.toMatchObject({ fault: 'not-found', message: expect.stringContaining('first line') });
  });

  it('runs none that others may write to, itself or by its folder', async () => {
    script(`touch ${file('ran')}\n${nobody}`);
    chmodSync(file('program'), 0o775);
    await expect(run('./program')).rejects.toMatchObject({
      ...{ fault: 'refused', message: expect.stringContaining(`others may write to ${file('program')}`) },
      next: `chmod go-w ${file('program')}`,
    });
    chmodSync(file('program'), 0o755);
    chmodSync(folder(), 0o777);
    await expect(run('./program')).rejects.toMatchObject({
      fault: 'refused',
      message: expect.stringContaining(`others may write to ${folder()}`),
    });
    expect(existsSync(file('ran'))).toBe(false);
    chmodSync(folder(), 0o755);
    expect(await run('./program')).toEqual([]);
  });

  it('runs none with a file of its arguments that others may write to: that may be what is run', async () => {
    script(nobody, 'script.sh');
    chmodSync(file('script.sh'), 0o666);
    for (const argument of ['./script.sh', file('script.sh')])
      await expect(run('/bin/sh', argument)).rejects.toMatchObject({ fault: 'refused', message: expect.stringContaining('script.sh') });
    chmodSync(file('script.sh'), 0o644);
    expect(await run('/bin/sh', './script.sh')).toEqual([]);
    expect(await run('/bin/sh', './script.sh', '--flag', '/dev/null', 'no-such-file')).toEqual([]);
  });

  it('is named by a policy that nobody else may write to, though every directory is a file of this machine', async () => {
    script(nobody);
    const text = `version: 1
ledger: ./oncall.db
directories: { local: { path: ./groups.json } }
rosters: { ours: { kind: command, run: [./program] } }
roles: { db-admin: { targets: { local: db-admins }, allow: [{ onCall: ours/primary }] } }
`;
    const load = (mode: number) => {
      writeFileSync(file('oncall.yaml'), text);
      chmodSync(file('oncall.yaml'), mode);
      return loadPolicy(readPolicyFile({ path: file('oncall.yaml'), why: 'a test', fromWorkingFolder: false }), { HOME: folder() });
    };
    expect((await load(0o644)).policy.rosters.ours).toMatchObject({ kind: 'command' });
    await expect(load(0o666)).rejects.toMatchObject({ code: 'policy-not-trusted' });
  });
});
