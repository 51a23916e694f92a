import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { streamOf } from '../../src/terminal/process-io.ts';

function broken(code: string) {
  const stream = new PassThrough();
  const faults: string[] = [];
  const wrapped = streamOf(stream as unknown as NodeJS.WriteStream, ({ message }) => faults.push(message));
  const fail = () => stream.emit('error', Object.assign(new Error(`${code}: it broke`), { code }));
  return { wrapped, faults, fail, written: () => String(stream.read() ?? '') };
}

describe('a stream that cannot be written', () => {
  it('is told about once, and what is written afterwards is dropped', () => {
    const { wrapped, faults, fail, written } = broken('ENOSPC');
    wrapped.write('before');
    fail();
    fail();
    wrapped.write('after');
    expect([faults, written()]).toEqual([['ENOSPC: it broke'], 'before']);
  });

  it('is not told about where the reader went away', () => {
    const { faults, fail } = broken('EPIPE');
    fail();
    expect(faults).toEqual([]);
  });

  const bin = join(resolve(import.meta.dirname, '../..'), 'bin/oncall.js');
  // A full disk that every Linux has; elsewhere this is skipped.
  it.skipIf(!existsSync('/dev/full'))('makes the program fail in three lines, whatever it came to', () => {
    const { status, stderr } = spawnSync('/bin/sh', ['-c', '"$0" "$1" --help > /dev/full', process.execPath, bin], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: the result could not be written\n {2}why: {2}ENOSPC[^\n]*\n {2}next: [^\n]*\n$/);
  });
});

describe('Ctrl-Z', () => {
  const script = `import { processIo } from './src/terminal/process-io.ts';
    let stop;
    processIo().onSuspend((how) => { stop ??= how; process.stdout.write('heard\\n'); });
    process.stdin.once('data', () => { stop(); process.stdout.write('on\\n'); });
    process.stdin.once('end', () => process.exit(7));
    process.stdout.write(process.pid + '\\n');`;
  // Without a shell of its own kind around it, the system passes over the signal; and /proc tells who is stopped.
  const canRun = existsSync('/proc/self/stat') && spawnSync('bash', ['-c', 'true']).status === 0;
  const stateOf = (pid: number): string | undefined => /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];

  it.skipIf(!canRun)('is heard, stops the process when that is said, and is heard again when it goes on', { timeout: 30_000 }, async () => {
    const { outputFiles } = await build({
      stdin: { contents: script, resolveDir: resolve(import.meta.dirname, '../..'), loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'cjs',
      external: ['./prompt.ts'],
      write: false,
      logLevel: 'error',
    });
    const shell = ['-c', 'set -m; "$0" -e "$1" <&3 & wait -f $!', process.execPath, outputFiles[0]?.text ?? ''];
    const child = spawn('bash', shell, { stdio: ['ignore', 'pipe', 'ignore', 'pipe'] });
    let out = '';
    child.stdout?.on('data', (chunk) => {
      out += chunk;
    });
    const ended = new Promise((done) => child.once('close', done));
    const says = (pattern: RegExp) => expect.poll(() => out, { timeout: 10_000 }).toMatch(pattern);
    await says(/^\d+\n/);
    const pid = Number.parseInt(out, 10);
    const stdin = child.stdio[3] as NodeJS.WritableStream;
    try {
      process.kill(pid, 'SIGTSTP');
      await says(/heard\n$/);
      expect(stateOf(pid)).not.toBe('T');
      stdin.write('stop\n');
      await expect.poll(() => stateOf(pid), { timeout: 10_000 }).toBe('T');
      process.kill(pid, 'SIGCONT');
      await says(/on\n$/);
      process.kill(pid, 'SIGTSTP');
      await says(/on\nheard\n$/);
      stdin.end();
      expect(await ended).toBe(7);
    } finally {
      // A stopped process would outlive its shell.
      if (child.exitCode === null) for (const one of [pid, child.pid ?? pid]) process.kill(one, 'SIGKILL');
    }
  });
});
