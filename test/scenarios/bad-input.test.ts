/** Bad input and broken surroundings through the whole tool: three lines, the right exit code, no stack, nothing half-done. */

import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CreateGroupCommand, CreateUserCommand, GetGroupCommand, IAMClient } from '@aws-sdk/client-iam';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Moto, noMoto, startMoto } from '../fakes/moto.ts';
import { faultyProxy } from './faults/world.ts';
import { type Run, type Stage, schedule, spawnCli, stage } from './stage.ts';
import { brokerDoors, brokers, cannotOpen, skippedAt } from './through-broker.ts';

const users = ['maria@acme.dev', 'sam@acme.dev'];
const goodPolicy = `version: 1
ledger: ./oncall.db
directories:
  local: { path: ./groups.json }
rosters:
  file: { path: ./schedule.yaml }
roles:
  db-admin:
    targets: { local: db-admins }
    ttl: { default: 1h, max: 12h }
    allow: [ { onCall: file/db-primary } ]
`;

const stages: Stage[] = [];
const open = (policy = goodPolicy, files: Record<string, string> = {}, env: Record<string, string> = {}): Stage => {
  const made = stage(
    'main()',
    {
      'oncall.yaml': policy,
      'schedule.yaml': schedule(),
      'groups.json': JSON.stringify({ users, groups: { 'db-admins': [] } }),
      ...files,
    },
    env,
  );
  stages.push(made);
  return made;
};
afterEach(() => {
  for (const made of stages.splice(0)) made.remove();
});

/** Three lines, or with several faults one more for each; no stack trace, no internal name. */
function expectThreeLines(run: Run, exit: number, what: RegExp): void {
  expect(run, run.err).toMatchObject({ exit, out: '' });
  expect(run.err).toMatch(/^error: [^\n]+\n( {2}why: [^\n]*\n(?: {8,}[^\n]*\n)*)? {2}next: [^\n]+\n/);
  expect(run.err).toMatch(what);
  expect(run.err).not.toMatch(/\n\s+at |node:internal|undefined|\[object/);
}

const group = (s: Stage): string[] => JSON.parse(s.read('groups.json')).groups['db-admins'];

const typed = (() => {
  const cases: readonly [string, readonly string[], number, RegExp][] = [
    ['an unknown role, with a guess', ['request', 'db-admn'], 2, /no role "db-admn"[\s\S]*did you mean "db-admin"/],
    ['an unknown command, with a guess', ['requst'], 2, /request/],
    ['a bare duration', ['request', 'db-admin', '--for', '12'], 2, /12h|unit/],
    ['a negative duration', ['request', 'db-admin', '--for', '-1h'], 2, /-1h/],
    ['hours that are no number', ['request', 'db-admin', '--hours', 'many'], 2, /many/],
    ['an instant without an offset', ['request', 'db-admin', '--until', '2026-12-01T06:00:00'], 2, /offset|Z/],
    ['two lengths at once', ['request', 'db-admin', '--hours', '1', '--for', '1h'], 2, /--for|--hours/],
    ['an end that has passed', ['request', 'db-admin', '--until', '2020-01-01T00:00:00Z'], 3, /passed/],
    ['an id that is none', ['release', 'zzzzzz'], 2, /no request "zzzzzz"/],
    ['a role left out where nobody can be asked', ['request'], 2, /role/],
    ['revoking everything without saying so', ['revoke', '--all'], 2, /--yes/],
  ];
  return cases;
})();

describe('what people type', () => {
  const cases: typeof typed = [...typed, ['a policy that is not there', ['status', '--policy', './nowhere.yaml'], 2, /nowhere\.yaml/]];
  for (const [name, args, exit, what] of cases)
    it(`${name}: exit ${exit}`, async () => {
      const s = open();
      await s.run('cron', 'sweep');
      expectThreeLines(await s.run('maria', ...args), exit, what);
      expect(group(s)).toEqual([]);
    });

  it('prints one JSON document for an error too', async () => {
    const s = open();
    expect(await s.json('maria', 'request', 'db-admn')).toMatchObject({
      exit: 2,
      document: { schema: 1, error: { code: 'unknown-role', message: expect.any(String), next: expect.any(String) } },
    });
  });

  it('an OS user who is nobody in the policy is told how to say who they are: exit 4', async () => {
    const s = open(goodPolicy, {}, {});
    const run = await spawnCli(
      ['request', 'db-admin'],
      { PATH: process.env.PATH, HOME: s.folder, USER: 'root', ONCALL_POLICY: join(s.folder, 'oncall.yaml') },
      s.folder,
    );
    expectThreeLines(run, 4, /ONCALL_USER=/);
  });
});

describe('the policy file', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
    .split('')
    .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[index]}`).join(',')}]`)
    .join('\n')}\n`;
  const cases: readonly [string, string, RegExp][] = [
    ['an unknown key, with a guess', goodPolicy.replace('targets:', 'target:'), /oncall\.yaml:\d+:\d+[\s\S]*targets/],
    ['a duplicate key', goodPolicy.replace('    ttl:', '    targets: { local: x }\n    ttl:'), /oncall\.yaml:10:5/],
    ['a YAML bomb', bomb + goodPolicy, /alias/i],
    ['an empty list', goodPolicy.replace('[ { onCall: file/db-primary } ]', '[]'), /empty/],
    ['an undeclared source, with a guess', goodPolicy.replace('file/db-primary', 'fil/db-primary'), /fil[\s\S]*file/],
    ['an unfiltered incident', goodPolicy.replace('{ onCall: file/db-primary }', '{ incident: file }'), /anyIncident/],
    ['a bare duration', goodPolicy.replace('max: 12h', 'max: 12'), /12/],
    ['no YAML at all', '{ version: 1', /oncall\.yaml:1/],
    ['an empty file', '', /empty/],
    ['a restriction this version does not know how to keep', goodPolicy.replace('    ttl:', '    quorum: 2\n    ttl:'), /quorum/],
  ];
  for (const [name, text, what] of cases)
    it(`with ${name}: exit 2, with file, line and column`, async () => {
      const s = open(text);
      const asked = await s.run('maria', 'request', 'db-admin');
      expectThreeLines(asked, 2, what);
      expect((await s.run('maria', 'policy', 'check')).exit).toBe(1);
      expect(group(s)).toEqual([]);
    });

  it('tells every fault at once', async () => {
    const s = open(goodPolicy.replace('targets:', 'target:').replace('file/db-primary', 'fil/db-primary').replace('max: 12h', 'max: 12'));
    const { document } = await s.json('maria', 'policy', 'check');
    expect((document.issues as unknown as { line: number }[]).map((issue) => issue.line)).toEqual(expect.arrayContaining([9, 10, 11]));
  });

  it('with a fault elsewhere still lets the sweep end what is due: exit 1', async () => {
    const s = open();
    await s.run('cron', 'sweep');
    expect((await s.run('maria', 'request', 'db-admin', '--for', '5m')).exit).toBe(0);
    await s.pass(5 * 60_000);
    s.write('oncall.yaml', goodPolicy.replace('targets:', 'target:'));
    const swept = await s.json('cron', 'sweep');
    expect(swept).toMatchObject({ exit: 1, document: { ended: 1 } });
    expect(group(s)).toEqual([]);
  });

  it('that others may write is refused where a directory is not local: exit 2; a warning where all are', async () => {
    const risky = open(
      goodPolicy.replace(
        '  local: { path: ./groups.json }',
        '  local: { path: ./groups.json }\n  aws: { kind: aws-iam, endpoint: http://127.0.0.1:1 }',
      ),
    );
    chmodSync(join(risky.folder, 'oncall.yaml'), 0o666);
    expectThreeLines(await risky.run('maria', 'request', 'db-admin'), 2, /oncall\.yaml[\s\S]*chmod/);
    const local = open();
    chmodSync(join(local.folder, 'oncall.yaml'), 0o666);
    await local.run('cron', 'sweep');
    expect((await local.run('maria', 'request', 'db-admin')).exit).toBe(0);
  });
});

describe('the local directory', () => {
  it('without the user: exit 1, and where the other name belongs', async () => {
    const s = open(goodPolicy.replace('{ onCall: file/db-primary }', '{ user: ghost@acme.dev }'));
    await s.run('cron', 'sweep');
    expectThreeLines(await s.run('ghost', 'request', 'db-admin'), 1, /no user "ghost@acme\.dev"[\s\S]*people/);
  });

  it('with the user twice: exit 1', async () => {
    const s = open(goodPolicy, {
      'groups.json': JSON.stringify({ users: ['maria@acme.dev', 'Maria@acme.dev'], groups: { 'db-admins': [] } }),
    });
    await s.run('cron', 'sweep');
    expectThreeLines(await s.run('maria', 'request', 'db-admin'), 1, /maria@acme\.dev/i);
    expect(group(s)).toEqual([]);
  });

  it('without the group: exit 1', async () => {
    const s = open(goodPolicy.replace('local: db-admins', 'local: nowhere'));
    await s.run('cron', 'sweep');
    expectThreeLines(await s.run('maria', 'request', 'db-admin'), 1, /no group "nowhere"/);
  });

  it('with a broken file: exit 1, and the file as it was', async () => {
    const s = open(goodPolicy, { 'groups.json': '{ "users": [' });
    await s.run('cron', 'sweep');
    expectThreeLines(await s.run('maria', 'request', 'db-admin'), 1, /groups\.json/);
    expect(s.read('groups.json')).toBe('{ "users": [');
  });
});

describe('the roster', () => {
  it('that is down: exit 1, could not decide', async () => {
    const s = open(
      goodPolicy.replace('{ path: ./schedule.yaml }', '{ kind: pagerduty, token: { env: PD_TOKEN }, endpoint: http://127.0.0.1:1 }'),
    );
    await s.run('cron', 'sweep');
    expectThreeLines(await s.run('maria', 'request', 'db-admin'), 1, /could not decide/);
    expect(group(s)).toEqual([]);
  });

  it('that does not know the schedule: exit 1, could not decide', async () => {
    const s = open(goodPolicy.replace('file/db-primary', 'file/db-primry'));
    await s.run('cron', 'sweep');
    expectThreeLines(await s.run('maria', 'request', 'db-admin'), 1, /db-primry/);
  });
});

describe('the ledger', () => {
  const asRoot = process.getuid?.() === 0;

  it.skipIf(!asRoot)(
    'that may not be written: exit 1, and nobody is added (skipped where the test cannot become another user)',
    async () => {
      const s = open();
      await s.run('cron', 'sweep');
      // Everything belongs to somebody else now, but for the groups file.
      chmodSync(s.folder, 0o755);
      for (const file of ['oncall.yaml', 'schedule.yaml', 'oncall.db']) chmodSync(join(s.folder, file), 0o644);
      chownSync(join(s.folder, 'groups.json'), 65534, 65534);
      const run = execAsNobody(['request', 'db-admin'], s.folder);
      expectThreeLines(run, 1, /ledger/);
      expect(group(s)).toEqual([]);
    },
  );

  it.skipIf(!canMount())('on a full disk: exit 1, and nobody is added (skipped where no small disk can be mounted)', async () => {
    const s = open(goodPolicy.replace('./oncall.db', './disk/oncall.db'));
    mkdirSync(join(s.folder, 'disk'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', join(s.folder, 'disk')]);
    try {
      expect(await s.run('cron', 'sweep')).toMatchObject({ exit: 0 });
      try {
        writeFileSync(join(s.folder, 'disk/filler'), Buffer.alloc(1_000_000));
      } catch {
        // Full is what it was to become.
      }
      expectThreeLines(await s.run('maria', 'request', 'db-admin'), 1, /ledger[\s\S]*disk/);
      expect(group(s)).toEqual([]);
    } finally {
      execFileSync('umount', ['-l', join(s.folder, 'disk')]);
    }
  });

  it('in a folder that is not there: exit 1', async () => {
    const s = open(goodPolicy.replace('./oncall.db', './nowhere/oncall.db'));
    expectThreeLines(await s.run('maria', 'request', 'db-admin'), 1, /ledger[\s\S]*folder/);
    expect(group(s)).toEqual([]);
  });
});

describe.skipIf(noMoto !== undefined)(`AWS IAM${noMoto === undefined ? '' : ` (skipped: ${noMoto})`}`, () => {
  let moto: Moto;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const aws = (settings: string): string => `version: 1
ledger: ./oncall.db
identity: [ { kind: local } ]
directories:
  aws-prod: { kind: aws-iam, userName: local-part, ${settings} }
roles:
  db-admin:
    targets: { aws-prod: db-admins }
    allow: [ { user: [ maria@acme.dev, ghost@acme.dev ] } ]
`;
  const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  const members = async (): Promise<readonly (string | undefined)[]> =>
    (
      (await new IAMClient({ region: 'us-east-1', endpoint: moto.url, credentials }).send(new GetGroupCommand({ GroupName: 'db-admins' })))
        .Users ?? []
    ).map((one) => one.UserName);

  beforeAll(async () => {
    const started = await startMoto();
    if (!started) throw new Error('moto_server did not start');
    moto = started;
    const client = new IAMClient({ region: 'us-east-1', endpoint: moto.url, credentials });
    await client.send(new CreateUserCommand({ UserName: 'maria' }));
    await client.send(new CreateGroupCommand({ GroupName: 'db-admins' }));
  }, 60_000);
  afterAll(async () => moto.stop());

  it('without the user: exit 1, and no user is made', async () => {
    const s = open(aws(`endpoint: ${moto.url}`), {}, env);
    await s.run('cron', 'sweep');
    expectThreeLines(await s.run('ghost', 'request', 'db-admin'), 1, /no user "ghost"/);
  });

  it('without the group: exit 1, and no group is made', async () => {
    const s = open(aws(`endpoint: ${moto.url}`).replace('aws-prod: db-admins', 'aws-prod: nowhere'), {}, env);
    await s.run('cron', 'sweep');
    expectThreeLines(await s.run('maria', 'request', 'db-admin'), 1, /no group "nowhere"/);
  });

  it('that is down: exit 1, and the sweep says so', async () => {
    const s = open(aws('endpoint: http://127.0.0.1:1'), {}, env);
    const swept = await s.run('cron', 'sweep');
    expect(swept.exit).toBe(1);
    expectThreeLines(await s.run('maria', 'request', 'db-admin'), 1, /aws-prod/);
  });

  it("with another account's credentials: exit 1, nothing added, and nothing ended either", async () => {
    const { url, clock, heal, stop } = await faultyProxy(moto.url);
    onTestFinished(stop);
    heal();
    const s = open(aws(`endpoint: ${url}`), {}, env);
    const pass = async (ms: number): Promise<void> => {
      clock.offsetMs += ms;
      await s.pass(ms);
    };
    await s.run('cron', 'sweep');
    expect(await s.run('maria', 'request', 'db-admin', '--for', '5m')).toMatchObject({ exit: 0 });
    s.write('oncall.yaml', aws(`endpoint: ${url}, account: '999999999999'`));
    await pass(6 * 60_000);
    const swept = await s.run('cron', 'sweep');
    expect(swept.exit).toBe(1);
    expect(swept.err + swept.out).toMatch(/999999999999|account/);
    expect(await members()).toEqual(['maria']);
    expectThreeLines(await s.run('ghost', 'request', 'db-admin'), 1, /account/);
    s.write('oncall.yaml', aws(`endpoint: ${url}`));
    await pass(60_000);
    expect((await s.run('cron', 'sweep')).exit).toBe(0);
    expect(await members()).toEqual([]);
  });

  it('with wrong credentials: exit 1, and what to do', async () => {
    const denying = createServer((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(403, { 'content-type': 'text/xml' });
        response.end(
          '<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid</Message></Error></ErrorResponse>',
        );
      });
    });
    await new Promise<void>((resolve) => denying.listen(0, '127.0.0.1', resolve));
    try {
      const s = open(aws(`endpoint: http://127.0.0.1:${(denying.address() as AddressInfo).port}`), {}, env);
      expect((await s.run('cron', 'sweep')).exit).toBe(1);
      expectThreeLines(await s.run('maria', 'request', 'db-admin'), 1, /credentials|accepted/);
    } finally {
      denying.close();
    }
  });
});

for (const door of brokerDoors)
  describe.skipIf(cannotOpen(door) !== undefined)(`through ${door}${skippedAt(door)}`, () => {
    const through = brokers();
    beforeAll(() => through.start(), 60_000);
    afterAll(() => through.stop());
    const files = { 'schedule.yaml': schedule(), 'groups.json': JSON.stringify({ users, groups: { 'db-admins': [] } }) };

    it('what people type is answered in the same words', async () => {
      const s = await through.open(door, { ...files, 'oncall.yaml': goodPolicy });
      stages.push(s);
      await s.run('cron', 'sweep');
      for (const [, args, exit, what] of typed) expectThreeLines(await s.run('maria', ...args), exit, what);
      expect(await s.json('maria', 'request', 'db-admn')).toMatchObject({ exit: 2, document: { error: { code: 'unknown-role' } } });
      expect(group(s)).toEqual([]);
    }, 60_000);

    it('what the broker meets is told to whoever asked: no user, no group, a roster that is down or does not know the schedule', async () => {
      const roles = `
  ghostly: { targets: { local: db-admins }, allow: [ { user: ana@acme.dev } ] }
  nowhere: { targets: { local: nowhere }, allow: [ { user: maria@acme.dev } ] }
  unknown: { targets: { local: db-admins }, allow: [ { onCall: file/db-primry } ] }
  down: { targets: { local: db-admins }, allow: [ { onCall: pagerduty/PDB1234 } ] }
`;
      const rosters = 'rosters:\n  pagerduty: { token: { env: PD_TOKEN }, endpoint: http://127.0.0.1:1 }\n';
      const policy = `${goodPolicy.replace('rosters:\n', rosters).trimEnd()}${roles}`;
      const s = await through.open(door, { ...files, 'oncall.yaml': policy }, { PD_TOKEN: 'CANARY-pagerduty' });
      stages.push(s);
      await s.run('cron', 'sweep');
      expectThreeLines(await s.run('ana', 'request', 'ghostly'), 1, /no user "ana@acme\.dev"[\s\S]*people/);
      expectThreeLines(await s.run('maria', 'request', 'nowhere'), 1, /no group "nowhere"/);
      expectThreeLines(await s.run('maria', 'request', 'unknown'), 1, /db-primry/);
      expectThreeLines(await s.run('maria', 'request', 'down'), 1, /could not decide/);
      s.write('groups.json', '{ "users": [');
      expectThreeLines(await s.run('maria', 'request', 'db-admin'), 1, /a file of the broker/);
      expect(s.read('groups.json')).toBe('{ "users": [');
    }, 60_000);

    it('a policy with faults does not count while the broker runs: what it ran with goes on', async () => {
      const s = await through.open(door, { ...files, 'oncall.yaml': goodPolicy });
      stages.push(s);
      await s.run('cron', 'sweep');
      s.write('oncall.yaml', goodPolicy.replace('targets:', 'target:'));
      await s.reload(/the policy file is not used/);
      expect((await s.run('maria', 'request', 'db-admin', '--for', '5m')).exit).toBe(0);
      await s.pass(5 * 60_000);
      expect(await s.json('cron', 'sweep')).toMatchObject({ exit: 0, document: { ended: 1 } });
      expect(group(s)).toEqual([]);
    }, 60_000);
  });

function canMount(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

function execAsNobody(args: readonly string[], folder: string): Run {
  const bin = join(import.meta.dirname, '../../bin/oncall.js');
  try {
    const env = { PATH: process.env.PATH, HOME: folder, ONCALL_USER: 'maria@acme.dev', ONCALL_POLICY: join(folder, 'oncall.yaml') };
    const out = execFileSync(process.execPath, [bin, ...args], {
      cwd: folder,
      uid: 65534,
      gid: 65534,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    });
    return { exit: 0, out, err: '' };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { exit: status, out: stdout, err: stderr };
  }
}
