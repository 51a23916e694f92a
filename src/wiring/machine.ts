/** Signing in as a service account, as far as it depends on the surroundings: where its secret is, and which identity of the policy is meant. */

import type { Actor } from '../lifecycle/types.ts';
import { clientOf } from '../policy/machine.ts';
import type { OidcIdentity } from '../sign-in/settings.ts';
import type { Env } from './find-policy.ts';

/** Never a flag: every user of a host sees the arguments of its processes. Read when it is needed, and kept nowhere. */
export function machineSecret(env: Env): () => Promise<string | undefined> {
  return async () => {
    const file = env.ONCALL_CLIENT_SECRET_FILE ?? '';
    const ref = env.ONCALL_CLIENT_SECRET ? { env: 'ONCALL_CLIENT_SECRET' } : file === '' ? undefined : { file };
    if (ref === undefined) return undefined;
    const { resolveSecret } = await import('../secrets.ts');
    return resolveSecret(ref, 'the secret of the service account', { baseDir: process.cwd(), env });
  };
}

/** The one identity that names it; where there is none or several, which one is meant is to be said as for people. */
export function identityOfMachine(client: string | undefined, issuers: readonly OidcIdentity[]): OidcIdentity | undefined {
  const found = issuers.filter(({ machines = {} }) => client !== undefined && Object.hasOwn(machines, client));
  return found.length === 1 ? found[0] : undefined;
}

/** For those who are told who somebody is. */
export function withClient<T extends Actor>(actor: T): T & { readonly client?: string } {
  const client = clientOf(actor);
  return client === undefined ? actor : { ...actor, client };
}
