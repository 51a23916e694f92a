/** Which address is reached through which proxy, by the variables that everybody else reads, too. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import { sharedConfig } from '../src/directories/aws-sdk.ts';
import { isOncallError } from '../src/errors.ts';
import { requester } from '../src/http.ts';
import { proxyFor } from '../src/proxy.ts';

const okta = 'https://acme.okta.com/api/v1/users/me';
const through = (url: string, env: Record<string, string>): string | undefined => proxyFor(new URL(url), env)?.host;

describe('the proxy', () => {
  it.each([
    ['none is named', {}, undefined],
    ['the variable is empty', { HTTPS_PROXY: '' }, undefined],
    ['HTTPS_PROXY names one', { HTTPS_PROXY: 'http://proxy.acme.dev:3128' }, 'proxy.acme.dev:3128'],
    ['https_proxy names one', { https_proxy: 'http://proxy.acme.dev:3128/' }, 'proxy.acme.dev:3128'],
    ['both do: the lower case counts, as with curl', { HTTPS_PROXY: 'http://upper:1', https_proxy: 'http://lower:2' }, 'lower:2'],
    ['the lower case is empty', { HTTPS_PROXY: 'http://upper:1', https_proxy: '' }, 'upper:1'],
    ['no scheme is given', { HTTPS_PROXY: 'proxy.acme.dev:3128' }, 'proxy.acme.dev:3128'],
    ['no port is given', { HTTPS_PROXY: 'http://proxy.acme.dev' }, 'proxy.acme.dev:80'],
    ['it speaks TLS', { HTTPS_PROXY: 'https://proxy.acme.dev' }, 'proxy.acme.dev:443'],
    ['it wants a sign-in', { HTTPS_PROXY: 'http://bob:p%40ss@proxy.acme.dev:3128' }, 'proxy.acme.dev:3128'],
    ['only HTTP_PROXY and ALL_PROXY are set', { HTTP_PROXY: 'http://other:1', ALL_PROXY: 'socks5://other:2' }, undefined],
  ] as const)('where %s', (_, env, expected) => {
    expect(through(okta, env)).toBe(expected);
  });

  it.each([
    'socks5://bob:CANARY@proxy:1080',
    'http://bob:CANARY/1@proxy:3128',
    'http://bob:12/CANARY@proxy:3128',
    'http://bob:CANARY#1@proxy:3128',
    'http://bob:12?CANARY@proxy:3128',
    'http://bob:%CANARY@proxy:3128',
    'http://bob:CANARY@proxy:99999',
    'http://bob:CANARY@',
    'CANARY proxy',
  ])('is refused, without a word of it, where it is no address: form %#', (text) => {
    try {
      through(okta, { https_proxy: text });
      expect.unreachable();
    } catch (error) {
      expect(isOncallError(error) && error).toMatchObject({ code: 'proxy-unusable', exit: 2 });
      expect(JSON.stringify(error) + String(error)).not.toMatch(/CANARY|bob/);
      expect(String(error)).toContain('https_proxy');
    }
  });

  it('is never asked for this machine, nor for what is not TLS', () => {
    const env = { HTTPS_PROXY: 'http://proxy:3128', HTTP_PROXY: 'http://proxy:3128' };
    for (const url of ['https://localhost:4566', 'https://127.0.0.1', 'https://127.8.9.1:1', 'https://[::1]:4566', 'http://127.0.0.1:4566'])
      expect(through(url, env), url).toBeUndefined();
    expect(through('https://localhost.acme.dev', env)).toBe('proxy:3128');
    expect(through('https://128.0.0.1', env)).toBe('proxy:3128');
  });
});

describe('a variable that names no proxy', () => {
  afterEach(() => vi.unstubAllEnvs());
  const nonsense = 'socks5://proxy:1080';
  const aws = (endpoint?: string) => sharedConfig(endpoint === undefined ? {} : { endpoint }, 5000, { ...context });
  const context = { name: 'aws', now: () => 0, log: () => undefined, onServerDate: () => undefined, baseDir: '/' };

  it('is no fault of what is on this machine, whoever asks there', async () => {
    vi.stubEnv('https_proxy', nonsense);
    expect(through('https://127.0.0.1:4566', { https_proxy: nonsense })).toBeUndefined();
    await expect(requester(new URL('https://localhost:4566'))).resolves.toBeTypeOf('function');
    await expect(aws('http://127.0.0.1:4566')).resolves.not.toHaveProperty('requestHandler.httpsAgent');
  });

  it('is one of everything else', async () => {
    vi.stubEnv('https_proxy', nonsense);
    await expect(requester(new URL(okta))).rejects.toMatchObject({ code: 'proxy-unusable' });
    await expect(aws()).rejects.toMatchObject({ code: 'proxy-unusable' });
  });
});

describe('NO_PROXY', () => {
  it.each([
    ['*', 'https://acme.okta.com', true],
    ['okta.com', 'https://acme.okta.com', true],
    ['.okta.com', 'https://acme.okta.com', true],
    ['*.okta.com', 'https://acme.okta.com', true],
    ['.okta.com', 'https://okta.com', true],
    ['OKTA.com.', 'https://Acme.Okta.Com.', true],
    ['example.com, okta.com', 'https://acme.okta.com', true],
    ['example.com okta.com', 'https://acme.okta.com', true],
    ['okta.com:443', 'https://acme.okta.com', true],
    ['okta.com:8443', 'https://acme.okta.com:8443', true],
    ['okta.com:8443', 'https://acme.okta.com', false],
    ['ta.com', 'https://acme.okta.com', false],
    ['okta.com', 'https://notokta.com', false],
    ['acme.okta.com', 'https://okta.com', false],
    ['', 'https://acme.okta.com', false],
    [',. ,', 'https://acme.okta.com', false],
    ['10.1.2.3', 'https://10.1.2.3', true],
    ['10.0.0.0/8', 'https://10.1.2.3', true],
    ['10.0.0.0/16', 'https://10.1.2.3', false],
    ['10.1.2.3:443', 'https://10.1.2.3', true],
    ['0.0.0.0/0', 'https://10.1.2.3', true],
    ['10.0.0.0/99', 'https://10.1.2.3', false],
    ['10.0.0.0/x', 'https://10.1.2.3', false],
    ['10.0.0.0/8', 'https://acme.okta.com', false],
    ['2.3', 'https://10.1.2.3', false],
    ['fd00::/8', 'https://[fd12::1]', true],
    ['[fd12::1]:443', 'https://[fd12::1]', true],
    ['fd12::1', 'https://[fd12:0::1]', true],
    ['fd00::/8', 'https://10.1.2.3', false],
  ])('"%s" lets %s be reached without it: %s', (list, url, expected) => {
    const env = { HTTPS_PROXY: 'http://proxy:3128' };
    expect(through(url, { ...env, NO_PROXY: list }) === undefined).toBe(expected);
    expect(through(url, { ...env, no_proxy: list, NO_PROXY: list === '' ? '' : 'other.example' }) === undefined).toBe(expected);
  });
});
