/** The files of examples/broker fit the program: its flags, its routes, its policy; and the commands and figures of docs/operations.md are there. */

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, parse as parseYaml } from 'yaml';
import type { Host } from '../src/broker/host.ts';
import { metrics } from '../src/broker/metrics.ts';
import { serve } from '../src/broker/server.ts';
import { parse } from '../src/commands/parse.ts';
import { readJudged } from '../src/file-trust.ts';
import { checkPolicy } from '../src/wiring.ts';

const root = resolve(import.meta.dirname, '..');
const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const example = (name: string): string => text(`examples/broker/${name}`);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'oncall-examples-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As the program reads it; throws for a flag that it does not have. */
async function command(argv: readonly string[]) {
  const parsed = await parse(argv, '0');
  if (parsed.kind !== 'command') throw new Error(`no command: ${argv.join(' ')}`);
  return { name: parsed.command.name, options: parsed.args.options, globals: parsed.globals };
}

const policy = parseYaml(example('oncall.yaml'));
const secretFiles = [...example('oncall.yaml').matchAll(/file: (\S+)/g)].map((match) => match[1] ?? '');

describe('the policy of the example', () => {
  it('passes policy check', async () => {
    const path = join(folder, 'oncall.yaml');
    writeFileSync(path, example('oncall.yaml'), { mode: 0o600 });
    expect((await checkPolicy({ policyPath: path, env: {}, cwd: folder })).issues).toEqual([]);
  });

  it('has its secrets in files, and every one of them in the same folder', () => {
    expect(secretFiles).toHaveLength(3);
    expect(new Set(secretFiles.map((file) => dirname(file)))).toEqual(new Set(['/etc/oncall/credentials']));
  });

  it('takes tokens that are for the broker alone', () => {
    expect(policy.identity.map((one: { audience: string }) => one.audience)).toEqual(['https://oncall.acme.dev']);
  });
});

describe('oncall.service', () => {
  const settings = example('oncall.service')
    .split('\n')
    .filter((line) => /^\w+=/.test(line))
    .map((line) => line.split(/=(.*)/s) as [string, string]);
  const all = (name: string): string[] => settings.filter(([key]) => key === name).map(([, value]) => value);
  const one = (name: string): string => all(name)[0] ?? '';

  it('starts the broker with flags that there are, at the origin that the policy takes tokens for', async () => {
    const [program, ...argv] = one('ExecStart').split(' ');
    expect(program).toBe('/usr/bin/oncall');
    const { name, options, globals } = await command(argv);
    expect([name, globals.policy]).toEqual(['serve', '/etc/oncall/oncall.yaml']);
    expect(options.url).toBe(policy.identity[0].audience);
    expect([options.tlsCert, options.tlsKey]).toEqual(['/etc/oncall/tls/cert.pem', '/etc/oncall/tls/key.pem']);
  });

  it('sweeps where the broker refuses to start', async () => {
    const [, condition, line] = /^-\/bin\/sh -c '(\[ .*? \]) \|\| exec \/usr\/bin\/oncall (.*)'$/.exec(one('ExecStopPost')) ?? [];
    expect(condition).toBe('[ "$$EXIT_STATUS" != 2 ]');
    expect(await command((line ?? '').split(' '))).toMatchObject({ name: 'sweep', globals: { policy: '/etc/oncall/oncall.yaml' } });
  });

  it('is never given up, and is not killed before what runs has ended', () => {
    expect([one('Restart'), one('StartLimitIntervalSec')]).toEqual(['always', '0']);
    expect(Number.parseInt(one('TimeoutStopSec'), 10) * 1000).toBeGreaterThan(graceMs() + 10_000);
  });

  it('may do nothing but its work', () => {
    expect(one('User')).toBe('oncall');
    for (const name of ['NoNewPrivileges', 'PrivateTmp', 'PrivateDevices', 'ProtectHome', 'RestrictNamespaces', 'LockPersonality'])
      expect([name, one(name)]).toEqual([name, 'yes']);
    expect(one('ProtectSystem')).toBe('strict');
    expect(one('CapabilityBoundingSet')).toBe('CAP_NET_BIND_SERVICE');
    expect(all('SystemCallFilter')).toEqual(['@system-service', '~@privileged @resources']);
    expect(all('MemoryDenyWriteExecute')).toEqual([]);
    // ProtectSystem=strict leaves it only this place to keep the head of the ledger in.
    expect(one('StateDirectory')).toBe('oncall');
  });
});

type Selector = { matchLabels: object };
type Volume = { name: string; secret?: object; projected?: object; emptyDir?: object };
type Container = {
  args: string[];
  ports: { containerPort: number }[];
  securityContext: object;
  resources: { limits: object };
  volumeMounts: { name: string; mountPath: string }[];
} & Record<'startupProbe' | 'livenessProbe' | 'readinessProbe', { httpGet: { path: string; port: string; scheme: string } }>;
type Pod = {
  securityContext: object;
  automountServiceAccountToken: boolean;
  terminationGracePeriodSeconds: number;
  containers: [Container];
  volumes: Volume[];
};
type Spec = {
  replicas: number;
  minAvailable: number;
  selector: Selector;
  podSelector: Selector;
  template: { metadata: { labels: object }; spec: Pod };
};
type Thing = { kind: string; metadata: { name: string; namespace?: string }; spec: Spec };

describe('kubernetes.yaml', () => {
  const documents = parseAllDocuments(example('kubernetes.yaml'));
  const things = documents.map((document) => document.toJS() as Thing);
  const specOf = (kind: string): Spec => (things.find((one) => one.kind === kind) as Thing).spec;
  const { metadata: podMetadata, spec: pod } = specOf('Deployment').template;
  const [container] = pod.containers;
  const volumeAt = (path: string): Volume | undefined =>
    pod.volumes.find(({ name }) => name === container.volumeMounts.find(({ mountPath }) => mountPath === path)?.name);

  it('is plain YAML, all of it in one namespace', () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    expect(things.map(({ kind }) => kind)).toEqual([
      ...['Namespace', 'ServiceAccount', 'Deployment', 'PodDisruptionBudget', 'Service', 'NetworkPolicy'],
    ]);
    for (const { kind, metadata } of things) expect(kind === 'Namespace' ? metadata.name : metadata.namespace).toBe('oncall');
  });

  it('starts brokers with flags that there are, and files that are mounted', async () => {
    const { name, options, globals } = await command(container.args);
    expect(name).toBe('serve');
    expect(options.url).toBe(policy.identity[0].audience);
    expect(volumeAt(dirname(globals.policy ?? ''))).toMatchObject({ projected: { sources: [{ configMap: {} }] } });
    expect(volumeAt(dirname(secretFiles[0] ?? ''))).toMatchObject({ secret: { defaultMode: 0o440 } });
    for (const file of [options.tlsCert, options.tlsKey] as string[])
      expect(volumeAt(dirname(file))).toMatchObject({ secret: { secretName: 'oncall-tls', defaultMode: 0o440 } });
    expect(options.listen).toBe(`0.0.0.0:${container.ports[0]?.containerPort}`);
  });

  it('asks for the health of a pod where the broker answers, by the address of the pod', async () => {
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe].map(({ httpGet }) => httpGet);
    const running = await serve(standing(), { listen: { host: '127.0.0.1', port: 0 } });
    try {
      for (const { path, port, scheme } of probes) {
        expect([port, scheme]).toEqual(['https', 'HTTPS']);
        expect([path, await statusOf(running.address.port, path)]).toEqual([path, 200]);
      }
      expect(await statusOf(running.address.port, '/nothing')).toBe(404);
    } finally {
      await running.stop(0);
    }
    expect(probes.map(({ path }) => path)).toEqual(['/healthz', '/healthz', '/readyz']);
  });

  it('keeps one broker up, reaches the pods that it names, and waits for what runs', () => {
    const selectors = [
      specOf('Deployment').selector.matchLabels,
      specOf('PodDisruptionBudget').selector.matchLabels,
      specOf('Service').selector,
      specOf('NetworkPolicy').podSelector.matchLabels,
    ];
    for (const selector of selectors) expect(selector).toEqual(podMetadata.labels);
    expect([specOf('Deployment').replicas, specOf('PodDisruptionBudget').minAvailable]).toEqual([2, 1]);
    const preStopMs = 5000;
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(graceMs() + preStopMs + 10_000);
  });

  it('runs as nobody in particular, who can write to one small folder', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, fsGroup: 10001, seccompProfile: { type: 'RuntimeDefault' } });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
    const state = /XDG_STATE_HOME=(\S+)/.exec(example('Dockerfile'))?.[1] ?? '';
    expect(volumeAt(state)).toMatchObject({ emptyDir: {} });
    expect(container.resources.limits).toHaveProperty('memory');
  });

  it('mounts the policy in the one way that is trusted', () => {
    const mount = (name: string, mode: number): string => {
      const at = join(folder, name);
      mkdirSync(join(at, '..2026'), { recursive: true });
      writeFileSync(join(at, '..2026/oncall.yaml'), '', { mode: 0o644 });
      symlinkSync('..2026', join(at, '..data'));
      symlinkSync('..data/oncall.yaml', join(at, 'oncall.yaml'));
      chmodSync(at, mode);
      return join(at, 'oncall.yaml');
    };
    // A projected volume is a tmpfs; a ConfigMap's own is a folder that everybody may write to.
    expect(readJudged(mount('projected', 0o1777), 1000).faults).toEqual([]);
    expect(readJudged(mount('config-map', 0o777), 1000).faults).not.toEqual([]);
  });
});

describe('Dockerfile', () => {
  const lines = example('Dockerfile').replaceAll('\\\n', '').split('\n');
  const having = (word: string) => lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

  it('ends as a user with a number, the one of kubernetes.yaml', () => {
    expect(having('USER')).toEqual(['10001:10001']);
    expect(lines.findLastIndex((line) => line.startsWith('RUN '))).toBeLessThan(lines.findIndex((line) => line.startsWith('USER ')));
  });

  it('runs nothing through a shell, and installs by the lock file, without scripts of packages', () => {
    for (const line of ['RUN', 'ENTRYPOINT', 'CMD'].flatMap(having)) expect(JSON.parse(line)).toBeInstanceOf(Array);
    expect(having('RUN')[0]).toContain('"npm", "ci", "--ignore-scripts"');
  });

  it('copies what there is, and starts what package.json starts', () => {
    const sources = having('COPY').flatMap((line) => (line.startsWith('--from') ? [] : line.split(' ').slice(0, -1)));
    expect(sources).toContain('package-lock.json');
    for (const source of sources) expect([source, existsSync(join(root, source))]).toEqual([source, true]);
    const { bin } = JSON.parse(text('package.json'));
    expect(JSON.parse(having('ENTRYPOINT')[0] ?? '[]')).toEqual(['node', `/app/${bin.oncall}`]);
  });
});

describe('docs/operations.md and the README', () => {
  const blocks = (path: string) => [...text(path).matchAll(/^ *```\w*\n(.*?)^ *```/gms)].flatMap((match) => (match[1] ?? '').split('\n'));

  it('show only commands and flags that there are', async () => {
    const lines = ['docs/operations.md', 'README.md'].flatMap(blocks).flatMap((line) => {
      const [, written] = /^ *(?:sudo -u oncall |ONCALL_USER=\S+ )?oncall (.*)$/.exec(line) ?? [];
      return written === undefined ? [] : [written.split(/ +[#|]/)[0]?.trim() ?? ''];
    });
    expect(lines.length).toBeGreaterThan(15);
    for (const line of lines) await expect(command(line.split(/ +/)), line).resolves.toBeDefined();
  });

  it('name only metrics that the broker has, and all of them', async () => {
    const shown = await metrics('0').text(undefined, true, 0);
    const there = new Set([...shown.matchAll(/^# TYPE (oncall_\w+)/gm)].map((match) => match[1]));
    const named = new Set([...text('docs/operations.md').matchAll(/`(oncall_[a-z_]+)`/g)].map((match) => match[1]?.replace(/_count$/, '')));
    named.delete('oncall_ask');
    expect([...named].sort()).toEqual([...there].sort());
  });

  it('link only to files and chapters that there are', () => {
    const chapters = (path: string) =>
      [...text(path).matchAll(/^#+ (.*)$/gm)].map((match) =>
        (match[1] ?? '')
          .toLowerCase()
          .replaceAll(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      );
    const files = ['operations', 'security', 'architecture'].map((name) => `docs/${name}.md`);
    for (const from of files) {
      for (const [, to = '', chapter] of text(from).matchAll(/\]\(([^)#:]*)(?:#([^)]+))?\)/g)) {
        const path = to === '' ? from : join(dirname(from), to);
        expect([from, path, existsSync(join(root, path))]).toEqual([from, path, true]);
        if (chapter !== undefined) expect(chapters(path), `${from}: ${to}#${chapter}`).toContain(chapter);
      }
    }
  });
});

/** How long a broker that stops lets things run. */
const graceMs = (): number => Number(/graceMs = ([\d_]+)/.exec(text('src/wiring/serve.ts'))?.[1]?.replaceAll('_', ''));

function standing(): Host {
  const never = async (): Promise<never> => {
    throw new Error('nobody calls it');
  };
  const health = async () => ({ ready: true, sweeps: [], grants: [], pastEnd: 0, stuck: 0, drift: 0, now: 0 });
  return {
    version: '0',
    origin: 'https://oncall.acme.dev',
    identities: () => [],
    isBlocked: () => false,
    operationsFor: () => {
      throw new Error('nobody calls it');
    },
    answers: { claim: never, keep: never, drop: never },
    inside: never,
    refused: never,
    health,
    folder,
    now: () => 0,
    random: () => 0,
    log: () => undefined,
    signal: new AbortController().signal,
  };
}

const statusOf = (port: number, path: string): Promise<number | undefined> =>
  new Promise((done, failed) => {
    get({ host: '127.0.0.1', port, path, headers: { host: '10.1.2.3:8443' }, agent: false }, (response) => {
      response.resume();
      done(response.statusCode);
    }).on('error', failed);
  });
