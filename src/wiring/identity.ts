/** Who acts, where identity is `local`: nothing is proved here, which is why such a policy may only name directories on this machine. */

import { userInfo } from 'node:os';
import { OncallError } from '../errors.ts';
import type { Actor } from '../lifecycle/types.ts';
import type { Policy } from '../policy/types.ts';
import type { Env } from './find-policy.ts';

/**
 * Whether somebody reached this process by `sudo` to another user, root or not: then the user of the system is the same for all of them.
 * Who sets the variable for themselves gains nothing: what follows from it is stricter, apart, or what `ONCALL_USER` could say as well.
 */
export function throughSudo(env: Env, effectiveUid = process.geteuid?.()): boolean {
  return effectiveUid !== undefined && (env.SUDO_UID ?? '') !== '' && env.SUDO_UID !== String(effectiveUid);
}

/**
 * A direct run is a courtesy, not a control: whoever runs it can also read what it reads, the credentials included.
 * The one exception is a run that sudo handed to somebody else, with an environment that names nobody.
 */
export function isCourtesy(env: Env, effectiveUid = process.geteuid?.()): boolean {
  return !throughSudo(env, effectiveUid) || (env.ONCALL_USER ?? '') !== '';
}

export function localActor(policy: Pick<Policy, 'people'>, env: Env, systemUser: () => string | undefined = osUser): Actor {
  const sudoUser = throughSudo(env) ? env.SUDO_USER : undefined;
  const name = (env.ONCALL_USER || sudoUser || systemUser() || '').trim().toLowerCase();
  const email = name.includes('@') ? name : emailOf(policy, name);
  if (email === undefined) {
    throw new OncallError('not-signed-in', name === '' ? 'it is not known who you are' : `"${name}" is not an e-mail address`, {
      exit: 4,
      why: "people are known by e-mail, and the policy's `people` has no single entry for that name",
      next: 'ONCALL_USER=you@example.com oncall …',
    });
  }
  return { issuer: 'local', subject: email, email };
}

/** The one person whom the policy's `people` knows by that name somewhere. */
function emailOf(policy: Pick<Policy, 'people'>, name: string): string | undefined {
  const known = Object.entries(policy.people).filter(
    ([key, names]) => name !== '' && (key === name || Object.values(names).some((other) => other.toLowerCase() === name)),
  );
  return known.length === 1 ? known[0]?.[0] : undefined;
}

function osUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A container's arbitrary uid has no entry in the password file.
    return undefined;
  }
}
