/** No secret leaves: a whole life of the built bundle with errors of each kind, then every word of it is searched for every secret, however written. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { formsOf, secretsIn } from '../fakes/canary.ts';
import { newPerson } from '../fakes/person.ts';
import { type Company, startCompany } from './canary/company.ts';
import type { Run } from './stage.ts';

describe('a secret is found', () => {
  const secret = 's3cret-CANARY-0123/456+789=abc';
  const secrets = new Map([['it', secret]]);
  it.each([
    ['plain', `x ${secret} y`],
    ['in a URL', `?key=${encodeURIComponent(secret)}&b`],
    ['in JSON', JSON.stringify({ a: { b: `Bearer ${secret}` } })],
    ['in hex', Buffer.from(`a${secret}`).toString('hex')],
    ['in base64', Buffer.from(secret).toString('base64')],
    ['in base64 after one character', Buffer.from(`:${secret}:`).toString('base64')],
    ['in base64 after two', Buffer.from(`u:${secret}`).toString('base64')],
    ['in base64url after a user', Buffer.from(`user:${secret}~~`).toString('base64url')],
  ])('%s', (_, text) => {
    expect(secretsIn(text, secrets)).toEqual(['it']);
    expect(secretsIn(text.replaceAll(/[a-z0-9]/gi, 'x'), secrets)).toEqual([]);
  });

  it('where only a part of a long one is left', () => {
    const long = `${'a1'.repeat(20)}${'b2c3'.repeat(10)}${'d4'.repeat(20)}`;
    const secrets = new Map([['it', long]]);
    expect(secretsIn(`…${long.slice(30)}`, secrets)).toEqual(['it']);
    expect(secretsIn(long.slice(0, 20), secrets)).toEqual([]);
  });

  it('in the output of a whole run of the tests, which fails by it and does not repeat it', () => {
    const script = resolve(import.meta.dirname, '../../scripts/no-secrets.mjs');
    const folder = mkdtempSync(join(tmpdir(), 'oncall-output-'));
    try {
      const search = (text: string) => {
        writeFileSync(join(folder, 'output'), `✓ fine\n${text}\n`);
        return spawnSync(process.execPath, [script, join(folder, 'output')], { encoding: 'utf8' });
      };
      expect(search('all is well')).toMatchObject({ status: 0, stderr: '' });
      for (const form of formsOf('CANARY')) {
        const { status, stderr } = search(`  received: Token xx${form}yy`);
        expect(status).toBe(1);
        expect(stderr).toContain('line 2 of the output');
        expect(stderr).not.toContain(form);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** The arguments of every process of this machine, as anybody on it can read them. */
function watchArguments(): () => string {
  const seen = new Set<string>();
  const timer = setInterval(() => {
    for (const pid of existsSync('/proc') ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : []) {
      try {
        seen.add(readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' '));
      } catch {
        // It has ended meanwhile.
      }
    }
  }, 60);
  return () => {
    clearInterval(timer);
    return [...seen].join('\n');
  };
}

describe('a whole life', () => {
  let company: Company;
  const said: (Run & { readonly args: string })[] = [];
  let argumentsSeen = '';
  const run = async (...args: readonly string[]): Promise<Run> => {
    const done = await company.stage.run('maria', ...args);
    said.push({ ...done, args: args.join(' ') });
    return done;
  };

  beforeAll(async () => {
    company = await startCompany();
    const stopWatching = watchArguments();
    try {
      await live();
    } finally {
      argumentsSeen = stopWatching();
    }
  }, 300_000);
  afterAll(() => company?.stop());

  async function live(): Promise<void> {
    await signInByCode();
    await run('whoami', '--verbose');
    await run('logout', '--verbose');
    await signInByBrowser();
    const first = await run('sweep', '--verbose');
    expect(first, first.err).toMatchObject({ exit: 0 });
    const asked = await run('request', 'db-admin', '--for', '2m', '--verbose');
    expect(asked, asked.err).toMatchObject({ exit: 0 });
    for (const args of [
      ['status'],
      ['status', '--json'],
      ['roles'],
      ['explain', 'db-admin', '--json', '--verbose'],
      ['doctor', '--verbose'],
    ])
      await run(...args);
    // Each kind of failure, with a provider or a proxy that repeats what it was sent.
    for (const mood of company.moods) {
      company.be(mood);
      await run('request', 'reader', '--verbose');
      await run('sweep', '--verbose', '--json');
      await run('doctor', '--json', '--verbose');
    }
    company.be('well');
    for (const fault of company.faultyFiles) {
      const mend = fault();
      await run('request', 'reader', '--verbose');
      await run('policy', 'check', '--verbose');
      await run('sweep', '--verbose');
      mend();
    }
    await company.endTokens();
    await run('whoami', '--verbose');
    const released = await run('release', 'db-admin', '--verbose');
    expect(released.exit, released.err).toBeLessThan(2);
    await run('audit', 'list', '--json');
    await run('audit', 'list');
    await run('sweep', '--verbose', '--json');
  }

  async function signInByCode(): Promise<void> {
    const login = await company.stage.runWatched('maria', ['login', '--device', '--verbose'], async (shown) => {
      const page = /https?:\/\/\S+/.exec(shown)?.[0];
      const code = /\b[A-Z]{4}-[A-Z]{4}\b/.exec(shown)?.[0];
      if (page === undefined || code === undefined) return false;
      await newPerson().enterCode(page.replace(/[.,]$/, ''), code, { login: 'maria@acme.dev' });
      return true;
    });
    said.push({ ...login, args: 'login --device' });
    expect(login, login.err).toMatchObject({ exit: 0 });
  }

  async function signInByBrowser(): Promise<void> {
    const { opened } = company;
    const login = run('login', '--verbose');
    await vi.waitFor(() => expect(existsSync(opened)).toBe(true), { timeout: 20_000 });
    await newPerson().signIn(readFileSync(opened, 'utf8'), 'maria@acme.dev');
    expect(await login).toMatchObject({ exit: 0 });
  }

  it('has used every secret, and met every kind of failure', () => {
    const names = [...company.secrets().keys()];
    for (const kind of company.kinds)
      expect(
        names.some((name) => name.startsWith(kind)),
        kind,
      ).toBe(true);
    const all = said.map(({ err }) => err).join('\n');
    for (const words of [/not accept|not let/, /too many calls/, /not available/, /sent a web page/, /did not answer/, /through the proxy/])
      expect(all).toMatch(words);
  });

  it('prints none, with --verbose and --json too', () => {
    for (const { args, out, err } of said)
      expect({ args, secrets: secretsIn(`${out}\n${err}`, company.secrets()) }).toEqual({ args, secrets: [] });
  });

  it('writes none to the ledger, to its cache or anywhere else but the file of the sign-in', () => {
    const written = company.written();
    expect(written.map(({ name }) => name)).toEqual(expect.arrayContaining(['oncall.db', expect.stringContaining('cache/')]));
    for (const { name, text } of written) expect({ name, secrets: secretsIn(text, company.secrets()) }).toEqual({ name, secrets: [] });
    // The search itself: in the file of the sign-in, they are.
    expect(secretsIn(company.signInFile(), company.secrets())).toEqual(expect.arrayContaining([expect.stringMatching(/^issuer/)]));
  });

  it('gives none to another process as an argument', () => {
    expect(argumentsSeen).toMatch(/oncall\.js request reader/);
    expect(secretsIn(argumentsSeen, company.secrets())).toEqual([]);
  });
});
