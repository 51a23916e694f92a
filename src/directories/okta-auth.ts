/** What lets requests in: an API token, or an access token that an app gets for a JWT signed with its private key. */

import { isOncallError, ProviderError } from '../errors.ts';
import type { SecretRef } from '../policy/types.ts';
import { resolveSecret } from '../secrets.ts';
import type { AdapterContext } from './directory.ts';
import type { Settings } from './okta.ts';
import { broken } from './okta-errors.ts';
import { remember } from './okta-remember.ts';
import type { Authorize, Sender } from './okta-send.ts';

export type Auth = {
  readonly authorize: Authorize;
  /** After a refusal: the secret is read, and the access token got, anew. */
  readonly reject: () => void;
};

export function openAuth(settings: Settings, sender: Sender, context: AdapterContext): Auth {
  const { token, clientId, privateKey } = settings;
  if (clientId !== undefined && privateKey !== undefined) {
    const key = () => secretOf(privateKey, 'private key', context);
    const app = remember(
      async () => (await import('./okta-oauth.ts')).openApp({ ...settings, clientId, key }, sender, context),
      Number.POSITIVE_INFINITY,
      context.now,
    );
    return {
      authorize: async (request) => (await app.get()).authorize(request),
      reject: app.forget,
    };
  }
  if (token === undefined) throw broken(context, 'credentials', `${context.name} has no credentials in the policy`);
  const secret = remember(() => secretOf(token, 'token', context), Number.POSITIVE_INFINITY, context.now);
  return { authorize: async () => ({ authorization: `SSWS ${await secret.get()}` }), reject: secret.forget };
}

async function secretOf(ref: SecretRef, what: string, { name, baseDir }: AdapterContext): Promise<string> {
  try {
    return await resolveSecret(ref, `the ${what} of directories.${name}`, { baseDir });
  } catch (error) {
    if (!isOncallError(error)) throw error;
    throw new ProviderError(name, 'credentials', error.why === undefined ? error.message : `${error.message}: ${error.why}`, {
      applied: 'no',
      cause: error,
      ...(error.next === undefined ? {} : { next: error.next }),
    });
  }
}
