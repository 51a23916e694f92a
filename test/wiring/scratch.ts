/** A folder of a test's own, gone afterwards. */

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export function scratch(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'oncall-wiring-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
