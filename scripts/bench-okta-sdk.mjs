/** The built CLI with more or less of Okta's SDK in it, to see what that costs. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { root } from './bench-process.mjs';

/** The same build but for one file: how much of Okta's SDK is loaded. */
export async function withOktaSdk({ name, code }) {
  const into = join(root, `node_modules/.oncall-bench-${process.pid}-${name}`);
  cpSync(join(root, 'dist'), join(into, 'dist'), { recursive: true });
  cpSync(join(root, 'bin'), join(into, 'bin'), { recursive: true });
  await esbuild.build({
    stdin: { contents: code, resolveDir: join(root, 'scripts') },
    outfile: join(into, 'dist/directories-okta-sdk.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'error',
  });
  return { cli: join(into, 'bin/oncall.js'), remove: () => rmSync(into, { recursive: true, force: true }) };
}

export const wholeSdk = {
  name: 'whole',
  code: "require('@okta/okta-sdk-nodejs');\nexport { loadSdk } from '../src/directories/okta-sdk.ts';",
};

/** Requests and answers of the SDK's own types, but built and read here: neither its API classes nor its models. */
export const coreOnly = {
  name: 'core',
  code: `
import { RequestContext, ResponseContext } from '@okta/okta-sdk-nodejs/src/generated/http/http.js';
export function loadSdk(origin) {
  const ask = (method, path, query = {}) => {
    const request = new RequestContext(origin + path, method);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) request.setQueryParam(name, String(value));
    return Promise.resolve(request);
  };
  const read = async (answer) => JSON.parse(await answer.body.text());
  return {
    groups: {
      ask: {
        listGroups: (search, filter, q) => ask('GET', '/api/v1/groups', { search, q }),
        listGroupRules: (limit) => ask('GET', '/api/v1/groups/rules', { limit }),
        assignUserToGroup: (group, user) => ask('PUT', '/api/v1/groups/' + group + '/users/' + user),
      },
      read: { listGroups: read, listGroupRules: read },
    },
    users: {
      ask: { getUser: (id) => ask('GET', '/api/v1/users/' + id), listUserGroups: (id) => ask('GET', '/api/v1/users/' + id + '/groups') },
      read: { getUser: read, listUserGroups: read },
    },
    answer: (status, headers, text) => new ResponseContext(status, { ...headers }, { text: async () => text, binary: async () => Buffer.from(text) }),
  };
}`,
};
