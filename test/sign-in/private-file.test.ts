import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PrivateFolder } from '../../src/private-file.ts';
import { signInFiles, signInFolder } from '../../src/sign-in/context.ts';
import { newWorld, refusalOf, type World } from './world.ts';

let world: World;
let folder: string;
let files: PrivateFolder;
beforeEach(() => {
  world = newWorld();
  ({ folder } = world.context);
  files = signInFiles(folder);
  mkdirSync(join(folder, '..', '..', '..'), { recursive: true });
});
afterEach(() => world.remove());

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
const refusal = (read: () => unknown) => refusalOf((async () => read())());

describe('a private file', () => {
  it('is 0600 in a 0700 folder, whatever the umask', () => {
    const before = process.umask(0);
    try {
      files.write('a.json', 'secret');
    } finally {
      process.umask(before);
    }
    expect([mode(folder), mode(join(folder, 'a.json'))]).toEqual(['700', '600']);
    expect(files.read('a.json')).toBe('secret');
  });

  it('is replaced by a new file, so that who has the old one open sees nothing of the new', () => {
    files.write('a.json', 'old');
    const other = join(folder, '..', 'other-name');
    linkSync(join(folder, 'a.json'), other);
    files.write('a.json', 'new');
    expect([files.read('a.json'), readFileSync(other, 'utf8')]).toEqual(['new', 'old']);
    expect(readdirSync(folder)).toEqual(['a.json']);
  });

  it('that is not there is no error, nor is a folder that is not there', () => {
    expect(files.read('a.json')).toBeUndefined();
    files.write('a.json', 'x');
    expect(files.read('b.json')).toBeUndefined();
  });

  it('is not kept, and nothing is made, where there is no home; the refusal says what to set', async () => {
    const home = join(folder, '..', '..', '..', 'gone');
    const homeless = signInFiles(join(home, '.config', 'oncall', 'sign-in'));
    expect(homeless.read('a.json')).toBeUndefined();
    expect(await refusal(() => homeless.make())).toMatchObject({
      code: 'no-home',
      message: `there is no home folder ${home} to keep a sign-in in`,
      next: 'create it, or set XDG_CONFIG_HOME to a folder of yours',
    });
    expect(existsSync(home)).toBe(false);
  });

  it('is not kept below what is no folder, or one that may not be entered', async () => {
    const home = join(folder, '..', '..', '..', 'file');
    writeFileSync(home, '');
    const files = signInFiles(join(home, '.config', 'oncall', 'sign-in'));
    expect(files.read('a.json')).toBeUndefined();
    expect(await refusal(() => files.make())).toMatchObject({ code: 'no-home', why: expect.stringContaining('ENOTDIR') });
  });

  it.each([0o640, 0o604, 0o660, 0o620, 0o601])('of mode %o is refused with the command that mends it', async (loose) => {
    files.write('a.json', 'secret');
    chmodSync(join(folder, 'a.json'), loose);
    const { code, exit, why, next, message } = await refusal(() => files.read('a.json'));
    expect({ code, exit }).toEqual({ code: 'token-file-loose', exit: 4 });
    expect(why).toContain(`has mode 0${loose.toString(8)}`);
    expect(next).toContain(`chmod 600 ${join(folder, 'a.json')}`);
    expect(`${message}${why}${next}`).not.toContain('secret');
  });

  it.each([0o750, 0o705, 0o770, 0o711])('in a folder of mode %o is neither read nor written', async (loose) => {
    files.write('a.json', 'old');
    chmodSync(folder, loose);
    expect((await refusal(() => files.read('a.json'))).next).toContain(`chmod 700 ${folder}`);
    expect((await refusal(() => files.write('a.json', 'new'))).code).toBe('token-file-loose');
    expect(readFileSync(join(folder, 'a.json'), 'utf8')).toBe('old');
  });

  it('that belongs to somebody else is refused, and so is such a folder', async () => {
    files.write('a.json', 'x');
    const me = process.geteuid?.() ?? 0;
    expect((await refusal(() => signInFiles(folder, me + 1).read('a.json'))).why).toContain(`belongs to user ${me}, not to you`);
    expect((await refusal(() => signInFiles(folder, me + 1).write('a.json', 'y'))).why).toContain(`belongs to user ${me}`);
  });

  it('is not read through a link, nor in a folder that is one', async () => {
    files.write('a.json', 'x');
    symlinkSync(join(folder, 'a.json'), join(folder, 'b.json'));
    expect((await refusal(() => files.read('b.json'))).why).toContain('is a link');
    symlinkSync(folder, `${folder}-link`);
    expect((await refusal(() => signInFiles(`${folder}-link`).read('a.json'))).why).toContain('is a link');
  });

  it('takes the place of a link, and leaves alone what that led to', () => {
    files.write('a.json', 'x');
    const target = join(folder, '..', 'target');
    writeFileSync(target, 'theirs');
    symlinkSync(target, join(folder, 'b.json'));
    files.write('b.json', 'ours');
    expect([readFileSync(target, 'utf8'), files.read('b.json')]).toEqual(['theirs', 'ours']);
  });

  it('is never waited for where a pipe lies in its place', async () => {
    files.write('a.json', 'x');
    execFileSync('mkfifo', ['-m', '600', join(folder, 'b.json')]);
    expect((await refusal(() => files.read('b.json'))).why).toContain('not a regular file');
  });

  it('that cannot be put in place leaves no draft with a secret behind', () => {
    files.write('a.json', 'x');
    mkdirSync(join(folder, 'b.json'));
    expect(() => files.write('b.json', 'secret')).toThrow();
    expect(readdirSync(folder).sort()).toEqual(['a.json', 'b.json']);
  });

  it('is removed as the link it may be', () => {
    files.write('a.json', 'x');
    symlinkSync(join(folder, 'a.json'), join(folder, 'b.json'));
    files.remove('b.json');
    expect([existsSync(join(folder, 'b.json')), existsSync(join(folder, 'a.json'))]).toEqual([false, true]);
    expect(() => files.remove('b.json')).not.toThrow();
  });

  it('has a folder of its own for each person behind sudo, whatever sudo is made to say', () => {
    expect(signInFolder('/root/.config/oncall')).toBe('/root/.config/oncall/sign-in');
    expect(signInFolder('/root/.config/oncall', '1000')).toBe('/root/.config/oncall/sign-in-sudo-1000');
    expect(signInFolder('/root/.config/oncall', '../../x')).toBe('/root/.config/oncall/sign-in');
  });
});
