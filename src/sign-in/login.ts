/** `oncall login`: proves at the issuer who somebody is, and keeps the proof for the commands that follow. Nothing is kept of a sign-in that would not be accepted. */

import { setTimeout as delay } from 'node:timers/promises';
import { openBrowser, whyNoBrowser } from './browser.ts';
import { browserFlow } from './browser-flow.ts';
import { type SignInContext, signInFiles } from './context.ts';
import { deviceFlow } from './device-flow.ts';
import { identify } from './identify.ts';
import { openClient } from './issuer-client.ts';
import { machineFlow } from './machine-flow.ts';
import { nobodyThere, noSecret, notAMachine } from './refusal.ts';
import type { OidcIdentity } from './settings.ts';
import { type Kept, lockSignIn, signInBusy, type Tokens, tokenOf, writeSignIn } from './token-file.ts';
import type { Verified } from './verify.ts';

export type LoginInput = {
  readonly identity: OidcIdentity;
  /** By a code, even where there is a browser. */
  readonly device: boolean;
  /** Nobody is there who would enter a code that they did not ask for. */
  readonly unattended?: boolean;
  /** As this service account, without a person. */
  readonly client?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly io: {
    /** A line for the person, while they wait. */
    readonly say: (line: string) => void;
    readonly openBrowser?: (url: string) => Promise<boolean>;
  };
  readonly patienceMs?: number;
  readonly sleep?: (ms: number) => Promise<void>;
};

const PATIENCE_MS = 5 * 60_000;

/** `renewable`: by itself, as long as the issuer lets it. */
export async function login(input: LoginInput, context: SignInContext): Promise<Verified & { readonly renewable: boolean }> {
  const { identity } = input;
  // Before anybody is sent to a browser for what could not be kept.
  signInFiles(context.folder).make();
  if (input.client !== undefined) return loginAsMachine(input.client, identity, context);
  const tokens = await authorize(input, context);
  const verified = await identify(tokenOf(tokens, identity), identity, context);
  await keep(tokens, verified, identity, context);
  return { ...verified, renewable: tokens.refreshToken !== undefined };
}

async function loginAsMachine(client: string, identity: OidcIdentity, context: SignInContext) {
  if (!Object.hasOwn(identity.machines ?? {}, client)) throw notAMachine(client, identity);
  const secret = await context.machineSecret?.();
  if (secret === undefined) throw noSecret(client, identity);
  const { tokens, ...verified } = await machineFlow(client, secret, identity, context);
  await keep(tokens, verified, { issuer: identity.issuer, clientId: client }, context);
  return { ...verified, renewable: true };
}

async function authorize(input: LoginInput, context: SignInContext): Promise<Tokens> {
  const { identity, io } = input;
  const noBrowser = input.device ? undefined : whyNoBrowser(input.env);
  if (noBrowser !== undefined && input.unattended) throw nobodyThere(identity, noBrowser);
  if (noBrowser !== undefined) io.say(`no browser can be opened here (${noBrowser}), so you sign in by a code`);
  const client = await openClient(identity, context);
  if (input.device || noBrowser !== undefined) {
    const sleep = input.sleep ?? ((ms: number) => delay(ms, undefined, { signal: context.signal }));
    return deviceFlow(client, identity, { say: io.say, now: context.now, sleep, log: context.log });
  }
  const patienceMs = input.patienceMs ?? PATIENCE_MS;
  return browserFlow(client, identity, { say: io.say, openBrowser: io.openBrowser ?? openBrowser, signal: context.signal, patienceMs });
}

/** Under the lock, so that a renewal under way cannot put the earlier sign-in back. */
async function keep(tokens: Tokens, { actor, expiresAt }: Verified, kept: Kept, context: SignInContext): Promise<void> {
  const held = await lockSignIn(kept, context);
  if (held === undefined) throw await signInBusy(kept, context, 'the sign-in could not be kept');
  try {
    const { origin } = context;
    const { issuer, clientId } = kept;
    writeSignIn({ origin, issuer, clientId, subject: actor.subject, ...tokens, expiresAt, signedInAt: context.now() }, context);
  } finally {
    await held.release();
  }
}
