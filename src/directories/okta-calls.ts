/** One request of the SDK, or all the pages of one: built by the SDK, sent by the executor, read by the SDK. */

import type { RequestContext, ResponseContext } from '@okta/okta-sdk-nodejs/src/generated/http/http.js';
import { isProviderError } from '../errors.ts';
import type { AdapterContext, Call } from './directory.ts';
import type { Settings } from './okta.ts';
import { openAuth } from './okta-auth.ts';
import { broken, foreign, type Need, said } from './okta-errors.ts';
import { nextPage } from './okta-link.ts';
import { remember } from './okta-remember.ts';
import type { Sdk } from './okta-sdk.ts';
import { type Outgoing, openSender, type Sender, stoppable } from './okta-send.ts';

export type Question<T> = {
  readonly need: Need;
  readonly ask: (sdk: Sdk) => Promise<RequestContext>;
  /** Throws where the answer is not what it should be. */
  readonly read: (sdk: Sdk, answer: ResponseContext) => Promise<T>;
};

export type Calls = {
  readonly one: <T>(question: Question<T>, call: Call) => Promise<T>;
  readonly every: <T>(question: Question<readonly T[]>, call: Call) => Promise<readonly T[]>;
  readonly write: (question: Omit<Question<never>, 'read'>, call: Call) => Promise<void>;
  /** The id of the org at this address; asked once, without credentials. */
  readonly org: (call: Call) => Promise<string>;
};

const mostPages = 1_000;
const lookAtOrg: Need = { deed: 'see which org this is', scope: 'okta.orgs.read', permission: 'okta.orgs.read' };

export function openCalls(settings: Settings, timeoutMs: number, context: AdapterContext): Calls {
  const { origin, host } = new URL(settings.orgUrl);
  const sender = openSender(settings.orgUrl, timeoutMs, context);
  const auth = openAuth(settings, sender, context);
  const sdk = remember(async () => (await import('./okta-sdk.ts')).loadSdk(origin), Number.POSITIVE_INFINITY, context.now);

  const credentialsSeen = (error: unknown): never => {
    if (isProviderError(error) && error.fault === 'credentials') auth.reject();
    throw error;
  };
  const page = async <T>(request: Outgoing, loaded: Sdk, read: Question<T>['read'], call: Call) => {
    const { status, headers, text } = await sender.read(request, auth.authorize, call).catch(credentialsSeen);
    const value = await read(loaded, loaded.answer(status, headers, text)).catch((error: unknown): never => {
      if (isProviderError(error)) throw error;
      // The SDK's words for an answer in HTML, or in another shape, would mean nothing to anybody.
      throw foreign(context.name, host, text);
    });
    return { value, next: nextPage(headers.link, request.url, context) };
  };
  const every: Calls['every'] = async ({ need, ask, read }, call) => {
    const loaded = await sdk.get();
    const first = outgoing(await ask(loaded), need);
    type Item = Awaited<ReturnType<typeof read>>[number];
    const all: Item[] = [];
    const visited = new Set<string>();
    for (let url: string | undefined = first.url; url !== undefined; ) {
      if (visited.has(url) || visited.size === mostPages)
        throw broken(context, 'malformed', `${context.name} answered a list without an end`);
      visited.add(url);
      // A page may be empty and not the last.
      const { value, next }: { value: readonly Item[]; next: string | undefined } = await page({ ...first, url }, loaded, read, call);
      all.push(...value);
      url = next;
    }
    return all;
  };
  const org = remember(() => readOrg(sender, origin, context), Number.POSITIVE_INFINITY, context.now);
  return {
    one: async ({ need, ask, read }, call) => {
      const loaded = await sdk.get();
      return (await page(outgoing(await ask(loaded), need), loaded, read, call)).value;
    },
    every,
    write: async ({ need, ask }, call) => {
      const request = outgoing(await ask(await sdk.get()), need);
      await sender.write(request, auth.authorize, call).catch(credentialsSeen);
    },
    org: (call) => stoppable(org.get(), call, { name: context.name, host, need: lookAtOrg, sent: false, timeoutMs, secrets: [] }),
  };
}

function outgoing(request: RequestContext, need: Need): Outgoing {
  return { method: request.getHttpMethod() as Outgoing['method'], url: request.getUrl(), headers: request.getHeaders(), need };
}

async function readOrg(sender: Sender, origin: string, context: AdapterContext): Promise<string> {
  const { text } = await sender.read(
    { method: 'GET', url: `${origin}/.well-known/okta-organization`, need: lookAtOrg },
    async () => ({}),
    {},
  );
  const id = said(text)?.id;
  if (typeof id === 'string' && id !== '') return id;
  throw foreign(context.name, new URL(origin).host, text);
}
