import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderFaults, readJudged } from '../src/file-trust.ts';
import { scratch } from './wiring/scratch.ts';

const me = process.geteuid?.() ?? 0;
const stranger = 54_321;
const asRoot = me === 0;
if (!asRoot) console.log('skipped: the tests that give files to another user (they need root)');

function fileIn(folder: string, mode = 0o600): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'oncall.yaml');
  writeFileSync(file, 'version: 1\n');
  chmodSync(file, mode);
  return file;
}

const faulty = (path: string): string[] => readJudged(path, 100).faults.map((fault) => fault.path);

describe('who could change a file', () => {
  it('trusts a file and folders of the running user below the sticky temporary folder', () => {
    const { bytes, faults } = readJudged(fileIn(scratch()), 100);
    expect(faults).toEqual([]);
    expect(bytes.toString()).toBe('version: 1\n');
  });

  it.each([
    [0o644, 0],
    [0o664, 1],
    [0o646, 1],
    [0o666, 1],
  ])('judges a file of mode %o: %i faults', (mode, count) => {
    expect(readJudged(fileIn(scratch(), mode), 100).faults).toHaveLength(count);
  });

  it('names the path, the mode and the command that mends it', () => {
    const file = fileIn(scratch(), 0o666);
    const [fault] = readJudged(file, 100).faults;
    expect(fault).toEqual({ path: file, because: `others may write to ${file} (mode 0666)`, mend: `chmod go-w ${file}` });
  });

  it('finds a folder on the way that others may write to, however far up', () => {
    const top = join(scratch(), 'top');
    const file = fileIn(join(top, 'middle', 'low'));
    chmodSync(top, 0o775);
    expect(faulty(file)).toEqual([top]);
  });

  it('lets a sticky folder pass as a parent, but not a file that has that bit', () => {
    const folder = join(scratch(), 'sticky');
    const file = fileIn(folder, 0o1666);
    chmodSync(folder, 0o1777);
    expect(faulty(file)).toEqual([file]);
  });

  it('judges the folder in which a link lies as well as where it leads', () => {
    const base = scratch();
    const file = fileIn(join(base, 'sound'));
    const open = join(base, 'open');
    mkdirSync(open);
    symlinkSync('../sound/oncall.yaml', join(open, 'oncall.yaml'));
    chmodSync(open, 0o777);
    const { real, faults } = readJudged(join(open, 'oncall.yaml'), 100);
    expect(real).toBe(file);
    expect(faults.map((fault) => fault.path)).toEqual([open]);
  });

  it('judges where a link leads, over several links', () => {
    const base = scratch();
    const file = fileIn(join(base, 'loose'), 0o662);
    symlinkSync(file, join(base, 'second'));
    symlinkSync('second', join(base, 'first'));
    expect(faulty(join(base, 'first'))).toEqual([file]);
  });

  it('gives up on links that lead in a circle', () => {
    const base = scratch();
    symlinkSync('b', join(base, 'a'));
    symlinkSync('a', join(base, 'b'));
    expect(() => readJudged(join(base, 'a'), 100)).toThrow(/too many links/);
  });

  it('takes what belongs to neither root nor the running user for untrusted', () => {
    const file = fileIn(scratch());
    if (asRoot) chownSync(file, stranger + 1, 0);
    expect(readJudged(file, 100, stranger).faults.map((fault) => fault.path)).toContain(file);
    expect(readJudged(file, 100, stranger).faults.at(-1)?.mend).toBe(`chown ${stranger} ${file}`);
  });

  it.runIf(asRoot)('takes a link that somebody else put into a sticky folder for untrusted', () => {
    const base = scratch();
    const file = fileIn(join(base, 'sound'));
    const sticky = join(base, 'sticky');
    mkdirSync(sticky);
    chmodSync(sticky, 0o1777);
    const link = join(sticky, 'oncall.yaml');
    symlinkSync(file, link);
    expect(faulty(link)).toEqual([]);
    lchownSync(link, stranger, 0);
    expect(faulty(link)).toEqual([link]);
  });

  it('asks the same of a folder itself', () => {
    const folder = join(scratch(), 'cache');
    mkdirSync(folder);
    expect(folderFaults(folder)).toEqual([]);
    chmodSync(folder, 0o770);
    expect(folderFaults(folder).map((fault) => fault.path)).toEqual([folder]);
  });
});

describe('reading', () => {
  it('refuses a file above the size cap', () => {
    const file = fileIn(scratch());
    expect(() => readJudged(file, 5)).toThrow(/larger than 5 bytes/);
  });

  it('refuses a folder', () => {
    expect(() => readJudged(scratch(), 100)).toThrow(/not a regular file/);
  });

  it('refuses a FIFO at once, where nobody writes to it', () => {
    const fifo = join(scratch(), 'fifo');
    execFileSync('mkfifo', [fifo]);
    expect(() => readJudged(fifo, 100)).toThrow(/not a regular file/);
  });
});
