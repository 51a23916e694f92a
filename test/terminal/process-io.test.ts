import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
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
