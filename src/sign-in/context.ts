/** What signing in is given by whoever calls it, and the folder where it keeps things. */

import { join } from 'node:path';
import { OncallError } from '../errors.ts';
import { type PrivateFolder, privateFolder } from '../private-file.ts';

export type SignInContext = {
  /** Holds tokens and issuers' keys; absolute. Made with mode 0700 where it is missing. */
  readonly folder: string;
  /** Whom the tokens were got for: `direct`, or a broker's origin. A token got for one is never found for another. */
  readonly origin: string;
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** A line for `--verbose`; never a secret. */
  readonly log: (line: string) => void;
  /** Of a service account, where the surroundings have it; read when it is used, kept by nobody. */
  readonly machineSecret?: () => Promise<string | undefined>;
};

/**
 * Below this tool's folder in the user's configuration. Behind `sudo` everybody is the same user to the system, so each gets a folder by the id
 * that sudo says they came with: else the second to come would act as the first.
 */
export function signInFolder(userFolder: string, sudoUid?: string): string {
  return join(userFolder, sudoUid === undefined || !/^\d{1,10}$/.test(sudoUid) ? 'sign-in' : `sign-in-sudo-${sudoUid}`);
}

/** What lies in that folder: whoever could read it could act as somebody else, whoever could write it could sign tokens. */
export const signInFiles = (folder: string, uid?: number): PrivateFolder =>
  privateFolder(
    folder,
    (path, because, mend) =>
      new OncallError('token-file-loose', `the sign-in kept in ${path} is not used`, {
        exit: 4,
        why: `${path} ${because}`,
        next: `${mend}; then, to be sure that nobody else uses it: oncall logout, oncall login`,
      }),
    { what: 'a sign-in', variable: 'XDG_CONFIG_HOME' },
    uid,
  );
