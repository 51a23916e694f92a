import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { lock } from '../src/lock.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oncall-lock-'));
  path = join(folder, 'it.lock');
  return () => rmSync(folder, { recursive: true });
});

const far = JSON.stringify({ host: 'elsewhere', pid: 4711, started: '', token: 'far' });
/** As a process on another host left it so many seconds ago. */
function foreign(seconds: number): void {
  writeFileSync(path, far);
  const at = Date.now() / 1000 - seconds;
  utimesSync(path, at, at);
}

describe('a lock of another host', () => {
  it.each([
    ['is never taken for left behind, unless that is said', { ms: 30 }, 1_000_000],
    ['is not taken for left behind before its time', { ms: 30, foreignMs: 60_000 }, 30],
    ['is not taken for left behind where it is from the future', { ms: 30, foreignMs: 60_000 }, -1_000_000],
  ])('%s', async (_, patience, age) => {
    foreign(age);
    expect(await lock(path, patience)).toBeUndefined();
    expect([readFileSync(path, 'utf8'), readdirSync(folder)]).toEqual([far, ['it.lock']]);
  });

  it('is cleared after its time, and then it is ours', async () => {
    foreign(61);
    const held = await lock(path, { ms: 2000, foreignMs: 60_000 });
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ pid: process.pid });
    await held?.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('stays where it has taken the place of ours, which had been taken for left behind', async () => {
    const held = await lock(path, { ms: 30 });
    foreign(0);
    await held?.release();
    expect(readFileSync(path, 'utf8')).toBe(far);
  });
});
