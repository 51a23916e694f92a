/** Writes a file whole, or not at all, and never in the place of another. */

import { randomBytes } from 'node:crypto';
import { closeSync, constants, copyFileSync, fsyncSync, linkSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { OncallError } from '../errors.ts';

/** Others may read it, as far as the user's own mask lets them. `taken`: what is thrown where something is there. */
export function writeOnce(path: string, text: string, taken: (path: string) => Error): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const descriptor = openSync(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o644);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    putThere(draft, path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw taken(path);
    throw new OncallError('not-written', `${path} could not be written`, { why: message, next: 'name another file with --output' });
  } finally {
    rmSync(draft, { force: true });
  }
}

/** A link takes no place that is taken, as renaming would. Not every file system has links. */
function putThere(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    copyFileSync(draft, path, constants.COPYFILE_EXCL);
  }
}
