import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Head } from '../../src/lifecycle/events.ts';
import { anchorFile, fileAnchor } from '../../src/wiring/anchor.ts';
import { scratch } from './scratch.ts';

const head: Head = { ledger: 'a', seq: 7, hash: 'f'.repeat(64), at: 1 };

function world(ledger = '/var/lib/oncall/oncall.db') {
  const home = scratch();
  const said: string[] = [];
  const anchor = fileAnchor({ ledger, env: { HOME: home }, log: (line) => said.push(line) });
  const { folder, name } = anchorFile({ ledger, env: { HOME: home } });
  return { home, said, anchor, folder, file: join(folder, name) };
}

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('the head of the ledger, kept in a file', () => {
  it('is read as it was kept, whole and private, with the ledger it is about', async () => {
    const { anchor, home, folder, file } = world();
    expect(await anchor.read()).toBeUndefined();
    await anchor.keep(head);
    expect(await anchor.read()).toEqual(head);
    expect(folder).toBe(join(home, '.local/state/oncall'));
    expect([mode(folder), mode(file), readdirSync(folder).length]).toEqual(['700', '600', 1]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ path: '/var/lib/oncall/oncall.db', ...head });
  });

  it('is not put back by a process that was slower, and goes anywhere with a recovery', async () => {
    const { anchor } = world();
    await anchor.keep({ ...head, at: 5 });
    await anchor.keep({ ...head, seq: 3, at: 4 });
    await anchor.keep({ ...head, seq: 6, at: 5 });
    expect(await anchor.read()).toEqual({ ...head, at: 5 });
    await anchor.keep({ ...head, seq: 2, at: 6 });
    expect(await anchor.read()).toEqual({ ...head, seq: 2, at: 6 });
  });

  it('belongs to one place, whatever ledger lies there', async () => {
    const { anchor, home } = world();
    await anchor.keep(head);
    const at = (ledger: string) => fileAnchor({ ledger, env: { HOME: home }, log: () => undefined });
    expect(await at('/elsewhere/oncall.db').read()).toBeUndefined();
    expect(await at('/var/lib/oncall/oncall.db').read()).toEqual(head);
  });

  it('is where XDG_STATE_HOME says, and behind sudo below the home of whom it leads to, whatever the caller says', () => {
    const ledger = '/x.db';
    expect(anchorFile({ ledger, env: { HOME: '/h', XDG_STATE_HOME: '/s' } }).folder).toBe('/s/oncall');
    expect(anchorFile({ ledger, env: { HOME: '/h', XDG_STATE_HOME: 's' } }).folder).toBe('/h/.local/state/oncall');
    const somebodyElse = String((process.geteuid?.() ?? 0) + 1);
    const caller = { HOME: '/home/mallory', XDG_STATE_HOME: '/home/mallory/empty', SUDO_UID: somebodyElse };
    expect(anchorFile({ ledger, env: caller }).folder).toBe(join(userInfo().homedir, '.local/state/oncall'));
  });

  it.each([
    ['{"ledger":"a"', 'not JSON'],
    ['null', 'nothing'],
    ['', 'empty, as after a power cut'],
    [JSON.stringify({ ...head, seq: 0 }), 'no number'],
    [JSON.stringify({ ...head, seq: '7' }), 'a number as text'],
    [JSON.stringify({ ...head, hash: 'F'.repeat(64) }), 'no hash'],
    [JSON.stringify({ ...head, ledger: 1 }), 'no ledger'],
  ])('is refused where it is %j: %s', async (text) => {
    const { anchor, folder, file } = world();
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(file, text, { mode: 0o600 });
    await expect(anchor.read()).rejects.toMatchObject({
      code: 'anchor-unusable',
      message: `the head of the ledger kept in ${file} cannot be used, so nothing is granted`,
      next: expect.stringContaining('oncall ledger recover'),
    });
    // A recovery writes it anew.
    await anchor.keep(head);
    expect(await anchor.read()).toEqual(head);
  });

  it('is refused where others could have written it, with the command that mends it', async () => {
    const { anchor, folder, file } = world();
    await anchor.keep(head);
    chmodSync(file, 0o660);
    await expect(anchor.read()).rejects.toMatchObject({ code: 'anchor-unusable', next: `chmod 600 ${file}; then try again` });
    chmodSync(file, 0o600);
    chmodSync(folder, 0o770);
    await expect(anchor.read()).rejects.toMatchObject({ why: `${folder} has mode 0770, so others may get at it` });
  });

  it('is not read through a link, nor written through one', async () => {
    const { anchor, home, folder, file } = world();
    await anchor.keep(head);
    const target = join(home, 'theirs');
    writeFileSync(target, JSON.stringify(head), { mode: 0o600 });
    rmSync(file);
    symlinkSync(target, file);
    await expect(anchor.read()).rejects.toMatchObject({ code: 'anchor-unusable', why: `${file} is a link` });
    await anchor.keep({ ...head, seq: 8 });
    expect([JSON.parse(readFileSync(target, 'utf8')).seq, (await anchor.read())?.seq]).toEqual([7, 8]);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it.each(['/nonexistent/home', '/dev/null'])('is nothing to fail for where the home is %s', async (home) => {
    const said: string[] = [];
    const anchor = fileAnchor({ ledger: '/x.db', env: { HOME: home }, log: (line) => said.push(line) });
    expect(await anchor.read()).toBeUndefined();
    await anchor.keep(head);
    expect(said).toEqual([expect.stringContaining(`the head of the ledger could not be kept in ${home}/.local/state/oncall`)]);
  });

  it('is not kept of a ledger that is in memory', async () => {
    const { anchor, home } = world(':memory:');
    await anchor.keep(head);
    expect([await anchor.read(), readdirSync(home)]).toEqual([undefined, []]);
  });
});
