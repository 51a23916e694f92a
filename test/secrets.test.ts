/** References to secrets: what they give, and what they refuse without saying what they hold. */

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod/mini';
import { isOncallError } from '../src/errors.ts';
import type { SecretRef } from '../src/policy/types.ts';
import { resolveSecret, secretRef } from '../src/secrets.ts';

const baseDir = mkdtempSync(join(tmpdir(), 'oncall-secrets-'));
afterAll(() => rmSync(baseDir, { recursive: true }));

const secret = 'sEcReT-0123456789';
const resolve = (ref: SecretRef, more: { env?: Record<string, string>; signal?: AbortSignal; timeoutMs?: number } = {}) =>
  resolveSecret(ref, 'the token of rosters.pagerduty', { baseDir, ...more });
const write = (name: string, text: string, mode = 0o600) => {
  writeFileSync(join(baseDir, name), text);
  chmodSync(join(baseDir, name), mode);
  return name;
};
const node = (script: string, ...rest: string[]): SecretRef => ({ command: [process.execPath, '-e', script, ...rest] });

/** The refusal in all that a person or a log could see of it. */
async function refusal(asked: Promise<string>) {
  const error = await asked.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isOncallError(error)) throw new Error(`expected an OncallError, got ${error}`);
  const { code, message, why, next } = error;
  expect(message).toContain('the token of rosters.pagerduty');
  expect([why, next]).not.toContain(undefined);
  expect(`${message} ${why} ${next} ${error.stack} ${String(error.cause)}`).not.toContain(secret);
  return { code, message, why, next };
}

describe('a secret', () => {
  it('comes from a variable', async () => {
    expect(await resolve({ env: 'TOKEN' }, { env: { TOKEN: secret } })).toBe(secret);
  });

  it('comes from a file beside the policy, from an absolute path, or through a link', async () => {
    write('token', secret);
    symlinkSync(join(baseDir, 'token'), join(baseDir, 'link'));
    expect(await resolve({ file: 'token' })).toBe(secret);
    expect(await resolve({ file: join(baseDir, 'token') })).toBe(secret);
    expect(await resolve({ file: './link' })).toBe(secret);
  });

  it('comes from what a command prints', async () => {
    expect(await resolve(node(`console.log('${secret}')`))).toBe(secret);
  });

  it('loses the line ends after it and nothing else', async () => {
    expect(await resolve({ file: write('lines', ` ${secret} two\nthree\r\n\n`) })).toBe(` ${secret} two\nthree`);
  });

  it('passes its arguments to the command as they are, without a shell', async () => {
    expect(await resolve(node('console.log(process.argv[1])', '$HOME; echo `id`'))).toBe('$HOME; echo `id`');
  });
});

describe('no secret', () => {
  it('where the variable is not set or empty', async () => {
    expect(await refusal(resolve({ env: 'TOKEN' }, { env: {} }))).toMatchObject({
      code: 'secret-missing',
      why: 'the variable TOKEN is not set',
    });
    expect(await refusal(resolve({ env: 'TOKEN' }, { env: { TOKEN: '\n' } }))).toMatchObject({
      why: 'the variable TOKEN gives an empty text',
    });
  });

  it('where the file is absent, empty, too large, a folder or a pipe', async () => {
    mkdirSync(join(baseDir, 'folder'));
    execFileSync('/bin/sh', ['-c', 'mkfifo -m 600 "$0"', join(baseDir, 'pipe')]);
    expect(await refusal(resolve({ file: 'absent' }))).toMatchObject({
      code: 'secret-missing',
      why: `${join(baseDir, 'absent')} does not exist`,
    });
    expect(await refusal(resolve({ file: write('empty', '\n') }))).toMatchObject({ why: expect.stringContaining('empty') });
    expect(await refusal(resolve({ file: write('large', secret.repeat(5000)) }))).toMatchObject({
      why: expect.stringContaining('more than'),
    });
    expect(await refusal(resolve({ file: 'folder' }))).toMatchObject({ why: expect.stringContaining('not a plain file') });
    expect(await refusal(resolve({ file: 'pipe' }))).toMatchObject({ why: expect.stringContaining('not a plain file') });
  });

  it.each([0o644, 0o604, 0o602, 0o666])('where everybody on the host can get at the file (mode %o)', async (mode) => {
    const file = write(`open-${mode.toString(8)}`, secret, mode);
    expect(await refusal(resolve({ file }))).toMatchObject({ code: 'secret-exposed', next: `chmod 600 ${join(baseDir, file)}` });
  });

  it('is refused to nobody for what the group may read', async () => {
    expect(await resolve({ file: write('group', secret, 0o640) })).toBe(secret);
  });

  it('where the command fails, is not there, prints nothing, too much, or is not done in time', async () => {
    expect(await refusal(resolve(node(`console.log('${secret}'); console.error('${secret}'); process.exit(3)`, secret)))).toMatchObject({
      why: `${process.execPath} failed (3)`,
    });
    expect(await refusal(resolve({ command: ['no-such-program', secret] }))).toMatchObject({ why: 'no-such-program was not found' });
    expect(await refusal(resolve(node('')))).toMatchObject({ why: expect.stringContaining('empty') });
    expect(await refusal(resolve(node(`process.stdout.write('${secret}'.repeat(9000))`)))).toMatchObject({
      why: expect.stringContaining('more than'),
    });
    expect(await refusal(resolve(node('setInterval(() => {}, 1000)'), { timeoutMs: 300 }))).toMatchObject({
      why: expect.stringContaining('not done within 0.3 s'),
    });
  });

  it('is waited for no longer than the caller waits', async () => {
    const stop = new AbortController();
    const asked = resolve(node('setInterval(() => {}, 1000)'), { signal: stop.signal });
    setTimeout(() => stop.abort(), 100);
    expect(await refusal(asked)).toMatchObject({ code: 'secret-missing' });
  });
});

describe('a reference', () => {
  it.each([{ env: 'TOKEN' }, { file: '/run/secrets/x' }, { command: ['pass', 'show', 'x'] }])('may be %j', (ref) => {
    expect(z.parse(secretRef, ref)).toEqual(ref);
  });

  it.each([secret, {}, { env: '' }, { command: [] }, { command: 'pass show x' }, { env: 'A', file: 'b' }, { value: secret }])(
    'may not be %j',
    (ref) => {
      const { error } = z.safeParse(secretRef, ref);
      expect(error?.issues[0]?.message).toContain('a secret is only named here');
    },
  );
});
