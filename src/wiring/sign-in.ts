/** Who acts, by the policy's `identity`: taken at their word, or proved at an issuer and kept from `oncall login`. */

import type { SignIn } from '../commands/command.ts';
import { OncallError } from '../errors.ts';
import type { Actor } from '../lifecycle/types.ts';
import type { Policy } from '../policy/types.ts';
import type { SignInContext } from '../sign-in/context.ts';
import type { OidcIdentity } from '../sign-in/settings.ts';
import { type Env, userFolder } from './find-policy.ts';
import { localActor, throughSudo } from './identity.ts';
import { identityOfMachine, machineSecret, withClient } from './machine.ts';

type Surroundings = { readonly env: Env; readonly now: () => number; readonly signal: AbortSignal; readonly log: (line: string) => void };

const issuersOf = (policy: Policy): readonly OidcIdentity[] =>
  policy.identity.flatMap((one) => (one.kind === 'oidc' ? [one.settings as OidcIdentity] : []));

async function contextOf({ env, now, signal, log }: Surroundings) {
  const { signInFolder } = await import('../sign-in/context.ts');
  const folder = signInFolder(userFolder(env, 'XDG_CONFIG_HOME', '.config'), throughSudo(env) ? env.SUDO_UID : undefined);
  return { folder, origin: 'direct', now, signal, log, machineSecret: machineSecret(env) };
}

export async function actorOf(policy: Policy, around: Surroundings): Promise<Actor> {
  const issuers = issuersOf(policy);
  if (issuers.length === 0) return localActor(policy, around.env);
  const { currentActor } = await import('../sign-in/session.ts');
  return currentActor(issuers, await contextOf(around));
}

export const signInOf = (policy: Policy, around: Surroundings): SignIn =>
  signInAt({
    issuers: issuersOf(policy),
    where: policy.path,
    env: around.env,
    context: () => contextOf(around),
    local: () => localActor(policy, around.env),
  });

/** Whom one can sign in to: what the policy names, or a broker. */
export type Place = {
  readonly issuers: readonly OidcIdentity[];
  readonly where: string;
  readonly env: Env;
  readonly context: () => Promise<SignInContext>;
  /** Who somebody says that they are, where nobody has to prove it. */
  readonly local: () => Actor;
};

export function signInAt({ issuers, where, env, context, local }: Place): SignIn {
  return {
    login: async ({ device, client, issuer, domain, unattended = false, say }) => {
      const among = client === undefined ? issuers : ofIssuer(issuer ?? (env.ONCALL_CLIENT_ISSUER || undefined), issuers, where);
      const identity = identityOfMachine(client, among) ?? chosen(among, domain, where);
      const { login } = await import('../sign-in/login.ts');
      const { actor, expiresAt, renewable } = await login(
        { identity, device, unattended, ...(client === undefined ? {} : { client }), env, io: { say } },
        await context(),
      );
      return { ...withClient(actor), proof: 'issuer', expiresAt, renewable };
    },
    logout: async () => {
      const { logout } = await import('../sign-in/session.ts');
      return (await logout(issuers, await context())).map(({ identity, issuer }) => ({ issuer: identity.issuer, outcome: issuer }));
    },
    whoami: async () => {
      if (issuers.length === 0) return { ...local(), proof: 'word' };
      const { currentSession } = await import('../sign-in/session.ts');
      const { actor, expiresAt, renewable } = await currentSession(issuers, await context());
      return { ...withClient(actor), proof: 'issuer', expiresAt, renewable };
    },
  };
}

/** Nothing is sent to another one: it would get the secret. */
function ofIssuer(wanted: string | undefined, issuers: readonly OidcIdentity[], where: string): readonly OidcIdentity[] {
  const found = issuers.filter(({ issuer }) => issuer === wanted);
  if (wanted === undefined || issuers.length === 0 || found.length > 0) return wanted === undefined ? issuers : found;
  throw new OncallError('other-issuer', `the secret of the service account is for ${wanted} alone`, {
    exit: 4,
    why: `${where} names ${[...new Set(issuers.map(({ issuer }) => issuer))].join(', ')}, and they must be the same to the last character; nothing was sent`,
    next: 'find out which of the two is right before any secret is sent; to say it: --issuer URL',
  });
}

/** `where`: the policy or the broker that names them. */
function chosen(issuers: readonly OidcIdentity[], domain: string | undefined, where: string): OidcIdentity {
  const wanted = domain?.toLowerCase().replace(/^.*@/, '');
  const found = wanted === undefined ? issuers : issuers.filter(({ domains }) => domains.includes(wanted));
  const [only] = found;
  // Several of one issuer: its client is being changed for another, and the first is the one to come.
  if (only !== undefined && found.every(({ issuer }) => issuer === only.issuer)) return only;
  if (issuers.length === 0) {
    throw new OncallError('no-issuer', 'there is nothing to sign in to', {
      exit: 2,
      why: `${where} has no identity of kind oidc: it takes people at their word`,
      next: 'oncall whoami',
    });
  }
  const domains = issuers.flatMap((one) => one.domains);
  throw new OncallError(
    'which-issuer',
    wanted === undefined ? 'there are several issuers to sign in to' : `no issuer here speaks for ${wanted}`,
    {
      exit: 2,
      why: `they speak for ${domains.join(', ')}`,
      next: `oncall login ${domains[0]}`,
    },
  );
}
