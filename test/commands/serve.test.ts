/** `oncall serve`: what is typed, what is handed on, and what its log looks like. */

import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import type { LogEntry } from '../../src/commands/command.ts';
import type { ServeOptions } from '../../src/commands/context.ts';
import { OncallError } from '../../src/errors.ts';
import { fakeIo, noon } from '../fakes/io.ts';
import { fakeWiring } from '../fakes/operations.ts';

async function run(argv: string[], serve: (options: ServeOptions, io: ReturnType<typeof fakeIo>) => void = () => undefined) {
  const io = fakeIo();
  const inputs: unknown[] = [];
  const wiring = {
    ...fakeWiring({}),
    serve: async (options: ServeOptions) => {
      inputs.push(options.input);
      serve(options, io);
    },
  };
  const exit = await main(['serve', ...argv], {}, io, wiring);
  return { exit, out: io.out(), err: io.err(), input: inputs[0], left: io.left };
}

const entry: LogEntry = {
  level: 'info',
  event: 'started',
  message: 'oncall serves',
  details: { listens: 'here', policy: '/etc/p\u001b[2Jx' },
};

describe('what is typed', () => {
  it('means this machine, plain HTTP and a sweep each minute where nothing is', async () => {
    expect((await run([])).input).toEqual({ listen: { host: '127.0.0.1', port: 8300 }, sweepEveryMs: 60_000 });
  });

  it('is handed on', async () => {
    const argv = ['--listen', '[::]:443', '--url', 'https://oncall.acme.dev', '--tls-cert', 'c.pem', '--tls-key', 'k.pem'];
    expect((await run([...argv, '--behind-proxy', '10.0.0.9, 10.2.0.0/16', '--sweep-every', 'off'])).input).toEqual({
      listen: { host: '::', port: 443 },
      url: 'https://oncall.acme.dev',
      tls: { cert: 'c.pem', key: 'k.pem' },
      behindProxy: ['10.0.0.9', '10.2.0.0/16'],
    });
  });

  it.each([
    ['--listen', '8300', /not an address with a port/],
    ['--listen', '127.0.0.1:70000', /not an address with a port/],
    ['--listen', 'http://127.0.0.1:1', /not an address with a port/],
    ['--tls-cert', 'c.pem', /--tls-cert needs --tls-key/],
    ['--tls-key', 'k.pem', /--tls-key needs --tls-cert/],
    ['--sweep-every', '5', /unit/],
    ['--sweep-every', 'never', /not a length of time/],
  ])('%s %s is a usage error', async (flag, value, message) => {
    const { exit, err, input } = await run([flag, value]);
    expect([exit, input]).toEqual([2, undefined]);
    expect(err).toMatch(message);
  });
});

describe('its log', () => {
  it('is lines on stderr with the time in UTC, made harmless', async () => {
    const { out, err } = await run([], ({ tell }) => tell(entry));
    expect(out).toBe('');
    expect(err).toBe('2026-11-22T12:00:00Z oncall serves\n  listens: here\n  policy:  /etc/px\n');
  });

  it('is one document a line with --json, and stdout keeps to one', async () => {
    const { out, err } = await run(['--json'], ({ tell }) => {
      tell(entry);
      tell({ level: 'error', event: 'policy.rejected', message: 'not used' });
    });
    expect(
      err
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { at: new Date(noon).toISOString(), ...entry },
      { at: new Date(noon).toISOString(), level: 'error', event: 'policy.rejected', message: 'not used' },
    ]);
    expect(err).not.toContain('\u001b');
    expect(JSON.parse(out)).toEqual({ schema: 1, stoppedBy: 'SIGTERM' });
  });

  it('puts a step of a sweep into the words of oncall sweep', async () => {
    const step = {
      action: 'end',
      outcome: 'done',
      requestId: 'k7m2xq',
      role: 'db',
      holder: 'm@acme.dev',
      because: 'its time is up',
    } as const;
    const { err } = await run([], ({ tell }) => {
      tell({ level: 'info', event: 'sweep.step', message: '', step: { ...step, target: { directory: 'local', group: 'g' } } });
      tell({ level: 'error', event: 'sweep.step', message: '', step: { ...step, outcome: 'failed', because: 'no answer' } });
    });
    expect(err).toContain('ended: m@acme.dev in local/g (k7m2xq db): its time is up\n');
    expect(err).toContain('error: failed: m@acme.dev (k7m2xq db): no answer\n');
  });

  it('has the details of work only with --verbose, and with --quiet only what is wrong', async () => {
    const all = ({ tell }: ServeOptions) => {
      for (const level of ['debug', 'info', 'warning', 'error'] as const) tell({ level, event: level, message: level });
    };
    const words = async (...argv: string[]) => [...(await run(argv, all)).err.matchAll(/(\w+)\n/g)].map(([, word]) => word);
    expect(await words()).toEqual(['info', 'warning', 'error']);
    expect(await words('--verbose')).toEqual(['debug', 'info', 'warning', 'error']);
    expect(await words('--quiet')).toEqual(['warning', 'error']);
  });
});

describe('its end', () => {
  it('is 0 after SIGTERM and 130 after Ctrl-C, and says itself that it stops', async () => {
    expect(await run([])).toMatchObject({ exit: 0, err: '' });
    expect(await run([], (_, io) => io.interrupt())).toMatchObject({ exit: 130, err: '', left: [] });
  });

  it('is at once at the second signal', async () => {
    const twice = await run([], (_, io) => {
      io.interrupt();
      io.interrupt();
    });
    expect(twice.left).toEqual([130]);
  });

  it('is a refusal in three lines where it does not start', async () => {
    const refused = await run([], () => {
      throw new OncallError('not-served', 'it would listen in plain', { exit: 2, why: 'so', next: 'give --tls-cert' });
    });
    expect([refused.exit, refused.err]).toEqual([2, 'error: it would listen in plain\n  why:  so\n  next: give --tls-cert\n']);
  });
});
