/** The quickstart as a person runs it: the real command line in a process of its own for every step. */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'oncall-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function play(clone: string) {
  const env = { ...process.env, TMPDIR: folder, ONCALL_POLICY: '/nowhere', ONCALL_USER: 'stranger' };
  return spawnSync(process.execPath, [join(clone, 'scripts/quickstart.mjs')], { env, encoding: 'utf8' });
}

describe('npm run quickstart', () => {
  it('gives access, refuses the colleague, ends what lapsed, and leaves the clone as it was', () => {
    const files = () => [...readdirSync(root), ...readdirSync(join(root, 'examples'), { recursive: true })];
    const before = files();
    const { status, stdout } = play(root);
    expect(stdout).toContain('Everything came out as it should');
    expect(stdout).toMatch(/db-admin until .*not the 12 h you asked: your shift ends/);
    expect(stdout).toContain('(exit 3)');
    expect(status).toBe(0);
    expect(files()).toEqual(before);
  }, 60_000);

  it('suggests at its end only what works', () => {
    const { stdout } = play(root);
    const cwd = /^\$ cd (.*)$/m.exec(stdout)?.[1];
    const suggested = [...(stdout.split('commands to try next')[1] ?? '').matchAll(/^(?:ONCALL_USER=(\S+) )?oncall (.*?) +# /gm)];
    const exits = suggested.map(([, user, typed = '']) => {
      const args = [...typed.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
      const env = {
        PATH: process.env['PATH'],
        HOME: cwd,
        ONCALL_POLICY: `${cwd}/oncall.yaml`,
        ...(user === undefined ? {} : { ONCALL_USER: user }),
      };
      return spawnSync(process.execPath, [join(root, 'bin/oncall.js'), ...args], { env, cwd, encoding: 'utf8' }).status;
    });
    // The first one waits for the person of the second.
    expect(exits).toEqual([8, 0, 0]);
  }, 60_000);

  it('exits 1 where a step does not come out as it says', () => {
    const clone = join(folder, 'clone');
    for (const part of ['bin', 'dist', 'examples', 'scripts', 'src', 'package.json', 'package-lock.json']) {
      cpSync(join(root, part), join(clone, part), { recursive: true, preserveTimestamps: true });
    }
    symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
    const groups = join(clone, 'examples/quickstart/groups.json');
    // Somebody who was in the group before stays in it, and the quickstart says that she is out.
    writeFileSync(groups, readFileSync(groups, 'utf8').replace('"db-admins": []', '"db-admins": ["maria@example.com"]'));
    const { status, stdout } = play(clone);
    expect(stdout).toContain('!! not as it should be: db-admins is []');
    expect(status).toBe(1);
  }, 60_000);
});
