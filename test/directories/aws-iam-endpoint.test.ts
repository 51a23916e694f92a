/** Where calls to AWS go: to what the policy names or to AWS itself, whatever the surroundings say. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { expectFault } from '../contracts/directory-world.ts';
import { bareAwsEnv, openIam, otherRole } from './iam-world.ts';
import { openIdentityCenter } from './identity-center-world.ts';

/** Hears what is sent in the clear, and as a proxy which hosts are wanted. It gives nothing to anybody. */
let server: Server;
let url: string;
const heard: string[] = [];
const wanted: string[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    heard.push(`${request.method} ${request.url} ${request.headers['x-amz-security-token']}`);
    response.writeHead(400).end();
  });
  server.on('connect', (request, socket) => {
    wanted.push(request.url ?? '');
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((done) => server.close(done)));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oncall-aws-'));
  heard.length = 0;
  wanted.length = 0;
  const env = {
    ...bareAwsEnv,
    AWS_SESSION_TOKEN: 'CANARY-session',
    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'false',
    HTTPS_PROXY: url,
    NO_PROXY: '',
  };
  for (const [key, value] of Object.entries(env)) vi.stubEnv(key, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe('an address that the policy does not name', () => {
  const places: readonly (readonly [string, () => void])[] = [
    ['AWS_ENDPOINT_URL', () => vi.stubEnv('AWS_ENDPOINT_URL', url)],
    [
      'AWS_ENDPOINT_URL_IAM and the like',
      () => {
        for (const service of ['IAM', 'STS', 'IDENTITYSTORE']) vi.stubEnv(`AWS_ENDPOINT_URL_${service}`, url);
      },
    ],
    [
      'endpoint_url in the config file',
      () => {
        const config = join(folder, 'config');
        writeFileSync(config, `[default]\nendpoint_url = ${url}\nignore_configured_endpoint_urls = false\n`);
        vi.stubEnv('AWS_CONFIG_FILE', config);
      },
    ],
  ];

  it.each(places)('is sent nothing, though %s says so', async (_, say) => {
    say();
    const { directory } = await openIam({});
    await expectFault(directory.findGroup('db-admins', {}), 'unavailable', 'no');
    expect(heard).toEqual([]);
    expect(new Set(wanted)).toEqual(new Set(['iam.amazonaws.com:443']));
  });

  it.each(places)('is not asked for the credentials of an IAM role, though %s says so', async (_, say) => {
    say();
    const { directory } = await openIam({ region: 'us-east-1', credentials: { assumeRole: { arn: otherRole } } });
    await expectFault(directory.findGroup('db-admins', {}), 'unavailable', 'no');
    expect(heard).toEqual([]);
    expect(new Set(wanted)).toEqual(new Set(['sts.us-east-1.amazonaws.com:443']));
  });

  it.each(places)('hears nothing of IAM Identity Center either, though %s says so', async (_, say) => {
    say();
    const { directory } = await openIdentityCenter({});
    await expectFault(directory.findGroup('db-admins', {}), 'unavailable', 'no');
    expect(heard).toEqual([]);
    expect(new Set(wanted)).toEqual(new Set(['identitystore.eu-central-1.amazonaws.com:443']));
  });
});
