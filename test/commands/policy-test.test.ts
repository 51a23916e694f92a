/** `oncall policy test` as it is typed: on the examples, on a policy that was changed, and on files with faults in them. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { fakeIo } from '../fakes/io.ts';

const root = resolve(import.meta.dirname, '../..');
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'oncall-policy-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** In an environment without any secret, and without a home where somebody could be signed in. */
async function run(...argv: string[]) {
  const io = fakeIo();
  const env = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_STATE_HOME: folder, XDG_CACHE_HOME: folder };
  const exit = await main(['policy', 'test', ...argv], env, io);
  return { exit, out: io.out(), err: io.err() };
}

const quickstart = join(root, 'examples/quickstart/oncall.yaml');

/** The quickstart's files after a change to one or both of them. */
function changed(policy: (text: string) => string, tests: (text: string) => string = (text) => text): string {
  const path = join(folder, 'oncall.yaml');
  writeFileSync(path, policy(readFileSync(quickstart, 'utf8')), { mode: 0o600 });
  writeFileSync(join(folder, 'oncall.test.yaml'), tests(readFileSync(join(root, 'examples/quickstart/oncall.test.yaml'), 'utf8')));
  return path;
}

const same = (text: string): string => text;

describe('policy test', () => {
  it.each(['quickstart', 'broker', 'rosters', '1-standing', '2-rotation', '3-twelve-hours', '4-task-roles', '5-semaphore'])(
    'finds the example %s as its tests say, and every rule of it tried',
    async (name) => {
      const path = join(root, 'examples', name, 'oncall.yaml');
      const { exit, out, err } = await run('--policy', path);
      expect([exit, err]).toEqual([0, '']);
      expect(out).toMatch(new RegExp(`^\\d+ cases, all as expected \\(${path}\\)\\n$`));
    },
  );

  it('shows the cases that pass where that is asked for', async () => {
    const { out } = await run('--policy', quickstart, '--verbose');
    expect(out).toContain(`as expected  ${join(root, 'examples/quickstart/oncall.test.yaml')}:12 maria@example.com, db-admin\n`);
    expect(out.match(/^as expected {2}/gm)).toHaveLength(7);
  });

  it('shows of a policy that was changed what is expected, what was found and why', async () => {
    const path = changed((text) => text.replace('file/db-primary, until: shift', 'file, until: shift, grace: 30m'));
    const { exit, out } = await run('--policy', path);
    const tests = join(folder, 'oncall.test.yaml');
    expect(exit).toBe(1);
    expect(out).toBe(`not as expected  ${tests}:12 maria@example.com, db-admin
  end: expected 3h (2026-11-22T06:00:00Z), found 3h15m (2026-11-22T06:15:00Z)
  yes  db-admin.allow[0]: on call for "db-primary" (file)
  no   db-admin.ask[0]: not a member of local/engineering (local)
not as expected  ${tests}:14 sam@example.com, db-admin
  outcome: expected deny, found allow
  yes  db-admin.allow[0]: on call for "web-primary" (file)
  no   db-admin.ask[0]: not a member of local/engineering (local)
7 cases, 2 not as expected (${path})
`);
  });

  it('shows each kind of difference', async () => {
    const path = changed(same, (text) =>
      text
        .replace('limitedBy: shift', 'limitedBy: max')
        .replace('rule: "ask[0]", approvers: ana@example.com', 'rule: blocked, approvers: [kim@example.com, ana@example.com]')
        .replace('rule: none', "rule: ['ask[0]', 'allow[0]']"),
    );
    const { exit, out } = await run('--policy', path);
    expect(exit).toBe(1);
    expect(out).toContain('  limitedBy: expected max, found shift\n');
    expect(out).toContain('  rule: expected blocked, found ask[0]\n');
    expect(out).toContain('  approvers: expected kim@example.com and ana@example.com, found ana@example.com\n');
    expect(out).toContain('  rule: expected ask[0] and allow[0], found none\n');
    expect(out).toContain('  ?    db-admin.allow[0]: file does not answer (file)\n');
  });

  it('shows of a rotation that was changed who was to be in, who is, and why', async () => {
    const path = join(folder, 'oncall.yaml');
    const example = (name: string): string => readFileSync(join(root, 'examples/2-rotation', name), 'utf8');
    writeFileSync(path, example('oncall.yaml').replace('overlap: 30m', 'overlap: 20m'), { mode: 0o600 });
    const tests = join(folder, 'oncall.test.yaml');
    writeFileSync(tests, example('oncall.test.yaml').replace('T08:45', 'T08:35'));
    const { exit, out } = await run('--policy', path);
    expect(exit).toBe(1);
    expect(out).toBe(`not as expected  ${tests}:11 support, who is in
  in: expected maria@example.com and sam@example.com, found maria@example.com
  yes  support.follows: maria@example.com is on call for "support"
6 cases, 1 not as expected (${path})
`);
    const { document } = JSON.parse(`{ "document": ${(await run('--policy', path, '--json')).out} }`);
    expect(document.cases[1]).toMatchObject({
      ...{ role: 'support', at: '2026-11-23T08:35:00.000Z', passed: false, differences: ['in'], several: [] },
      ...{ expected: { in: ['maria@example.com', 'sam@example.com'] }, found: { in: ['maria@example.com'] } },
    });
    expect(document.cases[1]).not.toHaveProperty('world');
  });

  it('names the roles that no case asks for, and the rules that no case made hold', async () => {
    const path = changed((text) =>
      text
        .replace('    ask:', '    deny: [{ user: eve@example.com }]\n    ask:')
        .concat('  untried:\n    targets: { local: db-admins }\n    allow: [{ user: sam@example.com }]\n'),
    );
    const { exit, out } = await run('--policy', path);
    expect(exit).toBe(0);
    expect(out).toContain('  note: no case asks for: untried\n  note: no case made these hold: db-admin.deny[0]\n');
  });

  it('prints the whole of it as one document, instants included', async () => {
    const { exit, out } = await run('--policy', quickstart, '--json');
    const document = JSON.parse(out);
    expect(exit).toBe(0);
    expect(document).toMatchObject({ schema: 1, policy: quickstart, passed: 7, failed: 0, issues: [], untried: { roles: [], rules: [] } });
    expect(document.cases[0]).toMatchObject({
      line: 12,
      email: 'maria@example.com',
      at: '2026-11-22T03:00:00.000Z',
      passed: true,
      expected: { outcome: 'allow', expiresAt: '2026-11-22T06:00:00.000Z' },
      found: { outcome: 'allow', expiresAt: '2026-11-22T06:00:00.000Z', limitedBy: 'shift', rules: ['allow[0]'], approvers: [] },
    });
    expect(document.cases[0].findings[0]).toMatchObject({ rule: 'db-admin.allow[0]', holds: true });
  });

  it('prints with --quiet only what is not as expected', async () => {
    expect((await run('--policy', quickstart, '--quiet')).out).toBe('');
    const path = changed((text) => text.replace('file/db-primary', 'file'));
    expect((await run('--policy', path, '--quiet')).out).toBe(`${join(folder, 'oncall.test.yaml')}:14 sam@example.com, db-admin\n`);
  });

  it('tests a policy that is not trusted to let anybody in, such as one in a repository that others can write', async () => {
    const path = changed(same);
    writeFileSync(path, readFileSync(join(root, 'examples/broker/oncall.yaml')), { mode: 0o666 });
    writeFileSync(join(folder, 'oncall.test.yaml'), readFileSync(join(root, 'examples/broker/oncall.test.yaml')));
    expect((await run('--policy', path)).exit).toBe(0);
  });

  it('takes another file of cases', async () => {
    const other = join(folder, 'other.yaml');
    writeFileSync(other, 'at: 2026-11-22T03:00:00Z\ncases: [ { user: sam@example.com, role: db-admin, expect: allow } ]\n');
    const { exit, out } = await run('--policy', quickstart, other);
    expect([exit, out.split('\n')[1]]).toEqual([1, '  outcome: expected allow, found deny']);
  });
});

describe('files that cannot be tried', () => {
  it('are a policy with faults', async () => {
    const { exit, err } = await run(
      '--policy',
      changed((text) => text.replace('allow:', 'alow:')),
    );
    expect(exit).toBe(2);
    expect(err).toContain('unknown-key unknown key "alow" (did you mean "allow"?)');
  });

  it('are tests with faults, each at its line', async () => {
    const path = changed(same, (text) =>
      text.replace('role: db-admin, onCall', 'role: db-adm, onCall').replace('expect: deny }', 'expects: deny }'),
    );
    const { exit, err } = await run('--policy', path);
    expect(exit).toBe(2);
    expect(err).toContain(`${join(folder, 'oncall.test.yaml')}:14:70 unknown-key unknown key "expects" (did you mean "expect"?)`);
  });

  it('are tests that are not there', async () => {
    const path = changed(same);
    rmSync(join(folder, 'oncall.test.yaml'));
    const { exit, err } = await run('--policy', path);
    expect(exit).toBe(2);
    expect(err).toContain(`error: the tests ${join(folder, 'oncall.test.yaml')} cannot be read`);
    expect(err).toContain(`next: name another: oncall --policy ${path} policy test FILE`);
  });
});
