/**
 * Okta's SDK, of which we use what it knows of Okta: how each request is built and each answer is read. Loaded at the first call.
 * By file, not by `@okta/okta-sdk-nodejs`, so that the build can leave out what these two APIs never meet (decision 8). Nor its `Client`, which reads okta.yaml, ~/.okta and
 * OKTA_CLIENT_*, keeps answers without an end, sends the token wherever a Link header points and loopback traffic to a proxy,
 * and whose private-key sign-in fails where an app demands DPoP (the answer that it waits for, it throws as an error).
 */

import { GroupApiRequestFactory, GroupApiResponseProcessor } from '@okta/okta-sdk-nodejs/src/generated/apis/GroupApi.js';
import { UserApiRequestFactory, UserApiResponseProcessor } from '@okta/okta-sdk-nodejs/src/generated/apis/UserApi.js';
import { ResponseContext } from '@okta/okta-sdk-nodejs/src/generated/http/http.js';
import { ServerConfiguration } from '@okta/okta-sdk-nodejs/src/generated/servers.js';

export type Sdk = ReturnType<typeof loadSdk>;

export function loadSdk(orgUrl: string) {
  const configuration = {
    baseServer: new ServerConfiguration(orgUrl, {}),
    authMethods: {},
    middleware: [],
    httpApi: {
      send: (): never => {
        throw new Error('requests are sent by okta-send.ts');
      },
    },
  };
  return {
    groups: { ask: new GroupApiRequestFactory(configuration), read: new GroupApiResponseProcessor() },
    users: { ask: new UserApiRequestFactory(configuration), read: new UserApiResponseProcessor() },
    answer: (status: number, headers: Readonly<Record<string, string>>, text: string) =>
      new ResponseContext(status, { ...headers }, { text: async () => text, binary: async () => Buffer.from(text) }),
  };
}
