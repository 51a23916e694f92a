import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isOncallError, type OncallError } from '../../src/errors.ts';
import { findPolicy, userFolder } from '../../src/wiring/find-policy.ts';
import { scratch } from './scratch.ts';

function world() {
  const base = scratch();
  const place = (path: string): string => {
    const file = join(base, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, '');
    return file;
  };
  const system = join(base, 'etc/oncall.yaml');
  const find = (more: { policyPath?: string; env?: Record<string, string> } = {}) =>
    findPolicy(
      { env: { HOME: join(base, 'home'), ...more.env }, cwd: join(base, 'cwd'), ...(more.policyPath && { policyPath: more.policyPath }) },
      system,
    );
  return { base, place, system, find };
}

function thrown(work: () => unknown): OncallError {
  try {
    work();
  } catch (error) {
    if (isOncallError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('which policy counts', () => {
  it('prefers --policy, then ONCALL_POLICY, the system, the user and the current folder, in that order', () => {
    const { place, find } = world();
    const here = place('cwd/oncall.yaml');
    expect(find()).toMatchObject({ path: here, fromWorkingFolder: true });
    const home = place('home/.config/oncall/oncall.yaml');
    expect(find()).toMatchObject({ path: home, fromWorkingFolder: false });
    const system = place('etc/oncall.yaml');
    expect(find()).toMatchObject({ path: system, fromWorkingFolder: false });
    const fromEnv = place('env.yaml');
    expect(find({ env: { ONCALL_POLICY: fromEnv } })).toMatchObject({ path: fromEnv, why: 'named by ONCALL_POLICY' });
    const named = place('named.yaml');
    expect(find({ policyPath: named, env: { ONCALL_POLICY: fromEnv } })).toMatchObject({ path: named, why: 'named by --policy' });
  });

  it('takes a named path relative to the current folder, and as a deliberate choice', () => {
    const { place, find } = world();
    const file = place('cwd/oncall.yaml');
    expect(find({ policyPath: './oncall.yaml' })).toMatchObject({ path: file, fromWorkingFolder: false });
  });

  it('heeds XDG_CONFIG_HOME where it is absolute, and treats an empty ONCALL_POLICY as unset', () => {
    const { base, place, find } = world();
    const file = place('xdg/oncall/oncall.yaml');
    const home = place('home/.config/oncall/oncall.yaml');
    expect(find({ env: { XDG_CONFIG_HOME: join(base, 'xdg'), ONCALL_POLICY: '' } }).path).toBe(file);
    expect(find({ env: { XDG_CONFIG_HOME: 'xdg' } }).path).toBe(home);
  });

  it('tries no other place where the named file is missing', () => {
    const { place, find } = world();
    place('cwd/oncall.yaml');
    const error = thrown(() => find({ policyPath: 'missing.yaml' }));
    expect(error).toMatchObject({ exit: 2, code: 'no-policy', next: 'correct --policy' });
    expect(error.message).toContain('missing.yaml');
  });

  it('does not take a path through a folder that is not there for the file that it would lead to', () => {
    const { base, place, find } = world();
    place('etc/oncall.yaml');
    place('mine/oncall.yaml');
    const past = `${base}/etc/oncall.yaml x/../../mine/oncall.yaml`;
    expect(thrown(() => find({ policyPath: past }))).toMatchObject({ code: 'no-policy', exit: 2 });
    mkdirSync(join(base, 'cwd'), { recursive: true });
    expect(thrown(() => find({ policyPath: 'x/../../mine/oncall.yaml' })).code).toBe('no-policy');
    expect(find({ policyPath: '../mine/oncall.yaml' }).path).toBe(join(base, 'mine/oncall.yaml'));
  });

  it('does not let a dangling link give way to another policy', () => {
    const { base, place, system, find } = world();
    place('cwd/oncall.yaml');
    mkdirSync(join(base, 'etc'));
    symlinkSync('/nowhere/oncall.yaml', system);
    expect(find().path).toBe(system);
  });

  it('names every place it looked at where there is none', () => {
    const { base, system, find } = world();
    const error = thrown(() => find());
    expect(error).toMatchObject({ exit: 2, code: 'no-policy' });
    for (const place of [
      '--policy',
      'ONCALL_POLICY',
      system,
      join(base, 'home/.config/oncall/oncall.yaml'),
      join(base, 'cwd/oncall.yaml'),
    ]) {
      expect(error.why).toContain(place);
    }
    expect(error.next).toContain('--policy');
  });
});

describe('the folder of a user', () => {
  it('is below / for an id that the system knows no home of', () => {
    const unknown = () => {
      throw new Error('uv_os_homedir returned ENOENT');
    };
    expect(userFolder({}, 'XDG_CONFIG_HOME', '.config', unknown)).toBe('/.config/oncall');
    expect(userFolder({ XDG_CONFIG_HOME: '/tmp/c' }, 'XDG_CONFIG_HOME', '.config', unknown)).toBe('/tmp/c/oncall');
  });
});
