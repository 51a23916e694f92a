/** Where the sweep can run, and who may run it: the files of examples/cron, systemd, kubernetes-cronjob, github-actions and bastion do what they say. */

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, parseDocument, parse as parseYaml } from 'yaml';
import { main } from '../src/cli.ts';
import { parse } from '../src/commands/parse.ts';
import { checkPolicy } from '../src/wiring.ts';
import { fakeIo } from './fakes/io.ts';

const root = resolve(import.meta.dirname, '..');
const example = (path: string): string => readFileSync(join(root, 'examples', path), 'utf8');
const policyPath = '/etc/oncall/oncall.yaml';

let folder = '';
let scratchPolicy = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'oncall-hosts-'));
  cpSync(join(root, 'examples/quickstart'), join(folder, 'quickstart'), { recursive: true });
  rmSync(join(folder, 'quickstart/oncall.db'), { force: true });
  scratchPolicy = join(folder, 'quickstart/oncall.yaml');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As a shell splits it, for what stands in these files: words, and quoted texts. */
const words = (line: string): string[] => [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');

/** As the program reads it; throws for a flag that it does not have. */
async function command(argv: readonly string[]) {
  const parsed = await parse(argv, '0');
  if (parsed.kind !== 'command') throw new Error(`no command: ${argv.join(' ')}`);
  return { name: parsed.command.name, options: parsed.args.options, policy: parsed.globals.policy };
}

const hasProgram = (name: string): boolean => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;

describe('the READMEs of the examples', () => {
  const readmes = readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('README.md'));

  it('show only commands and flags that there are', async () => {
    let seen = 0;
    for (const path of readmes) {
      const blocks = [...example(path).matchAll(/^```\w*\n(.*?)^```/gms)].flatMap(([, block = '']) => block.split('\n'));
      const inline = [...example(path).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
      for (const line of [...blocks, ...inline]) {
        const [, written] = /^(?:sudo -u oncall |ONCALL_USER=\S+ )?oncall ([a-z-].*)$/.exec(line) ?? [];
        if (written === undefined) continue;
        seen += 1;
        await expect(command(words(written.split(/ +#/)[0] ?? '')), `${path}: ${line}`).resolves.toBeDefined();
      }
    }
    expect(seen).toBeGreaterThan(25);
  });

  it('link only to files that there are, and fit on a screen', () => {
    for (const path of readmes) {
      const at = join(root, 'examples', path, '..');
      for (const [, to = ''] of example(path).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g))
        expect(() => readFileSync(join(at, to)), `${path}: ${to}`).not.toThrow(/ENOENT/);
      expect(example(path).split('\n').length, path).toBeLessThan(40);
    }
  });
});

describe('cron', () => {
  const lines = example('cron/oncall').split('\n');
  const jobs = lines.flatMap((line) => {
    const [, when, user, run] = /^((?:[\d*/]+ ){5})(\w+) (.+)$/.exec(line) ?? [];
    return when === undefined ? [] : [{ when: when.trim(), user, run: run ?? '' }];
  });

  it('is nothing but comments, variables and lines that cron understands', () => {
    expect(lines.filter((line) => line !== '' && !/^#|^[A-Z]+=\S+$/.test(line))).toHaveLength(jobs.length);
    // Cron takes what is behind a % for standard input.
    for (const { user, run } of jobs) expect([user, run.includes('%')]).toEqual(['oncall', false]);
    expect(jobs[0]?.when).toBe('*/5 * * * *');
  });

  it('sweeps in silence, and then tells the head of the ledger, as a user with nothing but its variables', () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'oncall'), `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'bin/oncall.js')}' "$@"\n`, { mode: 0o755 });
    const path = /^PATH=(.*)$/m.exec(example('cron/oncall'))?.[1] ?? '';
    const outputs = jobs.map(({ run }) => {
      // What comes before it in PATH may be the script of a bastion, which names a policy itself.
      expect(run).toMatch(/^\/usr\/bin\/oncall --policy \/etc\/oncall\/oncall\.yaml /);
      const env = { PATH: path, HOME: folder, XDG_STATE_HOME: join(folder, 'cron-state') };
      const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', run.replace('/usr/bin', bin).replace(policyPath, scratchPolicy)], {
        env,
        encoding: 'utf8',
      });
      return [status, stdout.trim(), stderr];
    });
    expect(outputs).toEqual([
      [0, '', ''],
      [0, expect.stringMatching(/^[0-9a-f]{64}$/), ''],
    ]);
  });
});

describe('systemd', () => {
  const settings = (path: string) => example(path).match(/^\w+=.*$/gm) ?? [];
  const service = settings('systemd/oncall-sweep.service');
  const setting = (name: string): string | undefined => service.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);

  it('starts a sweep that there is, bounded, and every 5 minutes', async () => {
    const [program, ...argv] = words(setting('ExecStart') ?? '');
    expect(program).toBe('/usr/bin/oncall');
    expect(await command(argv)).toMatchObject({ name: 'sweep', policy: policyPath });
    expect([setting('Type'), setting('TimeoutStartSec')]).toEqual(['oneshot', '10min']);
    expect(settings('systemd/oncall-sweep.timer')).toContain('OnCalendar=*:0/5');
  });

  it('may do no more than the broker, and open no port', () => {
    const rights = (lines: readonly string[]) =>
      lines.filter((line) => /^(Protect|Private|Restrict|System|NoNew|Lock|Remove|Proc|UMask)/.test(line));
    const broker = rights(settings('broker/oncall.service'));
    expect(broker.length).toBeGreaterThan(15);
    expect(rights(service).sort()).toEqual([...broker].sort());
    expect(setting('CapabilityBoundingSet')).toBe('');
    expect(service.join('\n')).not.toContain('Ambient');
    expect(setting('StateDirectory')).toBe('oncall');
  });

  it.skipIf(!hasProgram('systemd-analyze'))('passes systemd-analyze verify, as the broker does', () => {
    const units = ['systemd/oncall-sweep.service', 'systemd/oncall-sweep.timer', 'broker/oncall.service'].map((path) => {
      const copy = join(folder, path.split('/')[1] ?? '');
      // The program is not installed here, and that would be all that is told.
      writeFileSync(copy, example(path).replaceAll('/usr/bin/oncall', '/bin/true'));
      return copy;
    });
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...units], { encoding: 'utf8' });
    // A key that systemd does not know is told with exit 0.
    expect([status, stdout, stderr]).toEqual([0, '', '']);
  });
});

describe('the CronJob', () => {
  const documents = parseAllDocuments(example('kubernetes-cronjob/cronjob.yaml'));
  const [cronJob, claim, network] = documents.map((document) => document.toJS());
  const { spec: pod, metadata } = cronJob.spec.jobTemplate.spec.template;
  const broker = parseAllDocuments(example('broker/kubernetes.yaml')).map((document) => document.toJS());
  const brokerPod = broker.find(({ kind }) => kind === 'Deployment').spec.template;
  const [container, brokerContainer] = [pod.containers[0], brokerPod.spec.containers[0]];
  type Named = { name: string };
  const named = (list: Named[], name: string): Named | undefined => list.find((one) => one.name === name);

  it('is plain YAML, in the namespace of the broker, and is not taken for one of its pods', () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    expect([cronJob, claim, network].map(({ kind }) => kind)).toEqual(['CronJob', 'PersistentVolumeClaim', 'NetworkPolicy']);
    for (const one of [cronJob, claim, network]) expect(one.metadata.namespace).toBe('oncall');
    expect(network.spec.podSelector.matchLabels).toEqual(metadata.labels);
    expect(metadata.labels).not.toEqual(brokerPod.metadata.labels);
    expect(network.spec.egress).toEqual(broker.find(({ kind }) => kind === 'NetworkPolicy').spec.egress);
  });

  it('runs one at a time, every 5 minutes, and never for ever', () => {
    expect(cronJob.spec).toMatchObject({ schedule: '*/5 * * * *', concurrencyPolicy: 'Forbid', startingDeadlineSeconds: 240 });
    expect(cronJob.spec.jobTemplate.spec).toMatchObject({ backoffLimit: 0, activeDeadlineSeconds: 600 });
    expect(pod.restartPolicy).toBe('Never');
  });

  it('is the image, the user, the policy and the secrets of the broker, and keeps the head of the ledger', () => {
    expect(container.image).toBe(brokerContainer.image);
    expect(container.securityContext).toEqual(brokerContainer.securityContext);
    expect(pod.securityContext).toEqual(brokerPod.spec.securityContext);
    expect(pod.automountServiceAccountToken).toBe(false);
    for (const name of ['policy', 'credentials']) {
      expect(named(pod.volumes, name)).toEqual(named(brokerPod.spec.volumes, name));
      expect(named(container.volumeMounts, name)).toEqual(named(brokerContainer.volumeMounts, name));
    }
    expect(named(pod.volumes, 'state')).toEqual({ name: 'state', persistentVolumeClaim: { claimName: claim.metadata.name } });
    expect(named(container.volumeMounts, 'state')).toEqual(named(brokerContainer.volumeMounts, 'state'));
  });

  it('sweeps on folders as a kubelet makes them', async () => {
    const at = join(folder, 'projected');
    cpSync(join(root, 'examples/quickstart'), join(at, '..2026'), { recursive: true });
    rmSync(join(at, '..2026/oncall.db'), { force: true });
    symlinkSync('..2026', join(at, '..data'));
    for (const name of ['oncall.yaml', 'groups.json', 'schedule.yaml']) symlinkSync(`..data/${name}`, join(at, name));
    chmodSync(at, 0o1777);
    const state = join(folder, 'claim');
    mkdirSync(state);
    chmodSync(state, 0o2775);
    const run = async (...argv: string[]) => {
      const io = { ...fakeIo({ now: Date.now() }), cwd: '/' };
      const env = { HOME: '/nowhere', XDG_STATE_HOME: state, ONCALL_USER: 'maria@example.com' };
      return [await main(argv, env, io), io.err()];
    };
    const [policy = '', ...sweep] = container.args.map((arg: string) => arg.replace('/etc/oncall/policy', at)) as string[];
    expect(await run(policy, ...sweep)).toEqual([0, '']);
    expect(await run(policy, 'request', 'db-admin')).toEqual([0, '']);
    expect(await run(policy, ...sweep)).toEqual([0, '']);
    expect(readdirSync(join(state, 'oncall'))).toEqual([expect.stringMatching(/^head-.*\.json$/)]);
  });
});

describe('GitHub Actions', () => {
  type Step = { uses?: string; run?: string; if?: string; env?: Record<string, string>; with?: Record<string, unknown> };
  type Job = { environment?: string; 'timeout-minutes'?: number; steps: Step[] };
  const workflow = (name: string) => {
    const document = parseDocument(example(`github-actions/${name}`));
    expect([...document.errors, ...document.warnings]).toEqual([]);
    const { on, permissions, concurrency, jobs } = document.toJS();
    const [job] = Object.values(jobs) as [Job];
    return { on, permissions, concurrency, job, steps: job.steps };
  };
  const each = ['sweep.yml', 'deploy.yml'];

  it.each(each)('%s may do the least, ends, and is on nobody else’s branch', (name) => {
    const { on, permissions, concurrency, job } = workflow(name);
    expect(permissions).toEqual({ contents: 'read', ...(name === 'sweep.yml' ? { 'id-token': 'write' } : {}) });
    expect(concurrency['cancel-in-progress']).toBe(false);
    expect(job['timeout-minutes']).toBeLessThanOrEqual(30);
    // An environment is what keeps secrets to one branch.
    expect(job.environment).toMatch(/^\w+$/);
    expect(Object.keys(on).filter((event) => event.startsWith('pull_request'))).toEqual([]);
  });

  it.each(each)('%s pins its actions by their major version, and has secrets in variables of the step that needs them', (name) => {
    const { steps } = workflow(name);
    for (const { uses } of steps) if (uses !== undefined) expect(uses).toMatch(/^(actions|aws-actions)\/[\w-]+@v\d+$/);
    for (const { run = '', env = {} } of steps) {
      // What is put into a script by ${{ }} is run by the shell.
      expect(run).not.toContain('${{');
      for (const [variable, value] of Object.entries(env)) expect(value).toBe(`\${{ secrets.${variable} }}`);
    }
    expect(steps[0]?.with).toEqual({ 'persist-credentials': false });
  });

  it.each(each)('%s has only commands and flags that there are', async (name) => {
    const lines = workflow(name)
      .steps.flatMap(({ run = '' }) => run.split('\n'))
      .filter((line) => line.startsWith('oncall '));
    for (const line of lines) await expect(command(words(line).slice(1)), line).resolves.toBeDefined();
    expect(lines.length).toBe(name === 'sweep.yml' ? 1 : 3);
  });

  it('gives the sweep every secret that its policy names, and no other', async () => {
    const path = join(folder, 'actions.yaml');
    writeFileSync(path, example('github-actions/oncall.yaml'), { mode: 0o600 });
    expect((await checkPolicy({ policyPath: path, env: {}, cwd: folder })).issues).toEqual([]);
    const named = [...example('github-actions/oncall.yaml').matchAll(/env: (\w+)/g)].map(([, variable]) => variable);
    expect(Object.keys(workflow('sweep.yml').steps.at(-1)?.env ?? {}).sort()).toEqual([...named].sort());
  });

  it('gives back what the pipeline asked for, whatever became of the job, and names the issuer that gets the secret', () => {
    const { job, steps } = workflow('deploy.yml');
    expect(steps.at(-1)).toMatchObject({ if: 'always()', run: 'oncall release migration' });
    const issuer = parseYaml(example('broker/oncall.yaml')).identity[0].issuer;
    expect((job as unknown as { env: object }).env).toEqual({ ONCALL_CLIENT_ISSUER: issuer });
  });
});

describe('the bastion', () => {
  const rule = example('bastion/oncall.sudoers');
  const script = example('bastion/oncall');

  it('has its policy in the script, where a second one is refused, and no arguments in the rule', async () => {
    expect(/^Cmnd_Alias ONCALL = (.*)$/m.exec(rule)?.[1]).toBe('/usr/local/bin/oncall');
    expect(/^exec (.*)$/m.exec(script)?.[1]).toBe(`/usr/bin/oncall --policy ${policyPath} "$@"`);
    const argv = ['--policy', policyPath, 'request', 'db-admin', '--policy', '/tmp/mine.yaml'];
    await expect(command(argv)).rejects.toThrow(/given twice/);
  });

  it.skipIf(!hasProgram('visudo'))('passes visudo', () => {
    expect(spawnSync('visudo', ['--check', `--file=${join(root, 'examples/bastion/oncall.sudoers')}`], { encoding: 'utf8' }).status).toBe(
      0,
    );
  });

  it.skipIf(!canPlayHost())('lets engineers choose nothing but what they ask for, by the real sudo, on a host of its own', () => {
    const runs = new Map(
      playHost()
        .stdout.split('\n== ')
        .slice(1)
        .map((run) => run.trimEnd().split('\n'))
        .map(([name = '', ...lines]) => [name, lines] as const),
    );
    for (const name of ['plain', 'hostile']) {
      const lines = runs.get(name) ?? [];
      const asked = ['[--policy]', `[${policyPath}]`, '[request]', '[db-admin]', '[--reason]', '[a b]'];
      expect(lines.slice(0, 8)).toEqual(['ran', ...asked, 'oncall 0077 /']);
      const variables = Object.fromEntries(lines.filter((line) => /^\w+=/.test(line)).map((line) => line.split(/=(.*)/s)));
      expect(variables).toMatchObject({ HOME: '/var/lib/oncall', PATH: '/usr/bin:/bin', SUDO_UID: '4201', SUDO_USER: 'mallory' });
      // Nothing that the caller has set has come along.
      const known = [
        'HOME',
        'LOGNAME',
        'MAIL',
        'PATH',
        'PWD',
        'SHELL',
        'SUDO_COMMAND',
        'SUDO_GID',
        'SUDO_UID',
        'SUDO_USER',
        'TERM',
        'USER',
        '_',
      ];
      expect(Object.keys(variables).filter((variable) => !known.includes(variable))).toEqual([]);
    }
    const others = ['serve', 'behind', 'init', 'copy', 'recover', 'policy-test'];
    const refused = ['variable', 'node-options', 'keep-all', 'program', 'shell', 'root', 'colleague', 'folder', 'outsider', ...others];
    expect([...runs.keys()]).toEqual(['plain', 'hostile', ...refused]);
    for (const name of refused) {
      const lines = runs.get(name) ?? [];
      expect([name, lines.includes('ran'), lines.at(-1)]).toEqual([name, false, others.includes(name) ? 'exit 2' : 'exit 1']);
    }
  });
});

/** In a mount namespace, so that users, rule and program are there for it alone. */
function playHost(...probe: ['probe'?]) {
  const at = mkdtempSync(join(tmpdir(), 'oncall-bastion-'));
  try {
    const args = ['-m', 'sh', join(root, 'test/fakes/bastion.sh'), root, at, ...(probe as string[])];
    return spawnSync('unshare', args, { encoding: 'utf8', timeout: 20_000 });
  } finally {
    rmSync(at, { recursive: true });
  }
}

/** Only root can make one, and not in every container. */
function canPlayHost(): boolean {
  return process.getuid?.() === 0 && hasProgram('sudo') && hasProgram('runuser') && playHost('probe').status === 0;
}
