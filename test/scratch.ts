/** One temporary folder for a whole run of the tests, so that nothing of it stays behind; a test that leaves something there fails the run. */

import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let folder = '';

export function setup(): void {
  folder = mkdtempSync(join(tmpdir(), 'oncall-tests-'));
  // In some tests another user takes part.
  chmodSync(folder, 0o755);
  process.env.TMPDIR = folder;
}

export function teardown(): void {
  const left = readdirSync(folder).filter((name) => name.startsWith('oncall-'));
  rmSync(folder, { recursive: true, force: true });
  if (left.length === 0) return;
  // Thrown here it would be shown, and the run be a success all the same.
  console.error(`FAILED: tests left these folders behind: ${left.join(', ')}`);
  process.exitCode = 1;
}
