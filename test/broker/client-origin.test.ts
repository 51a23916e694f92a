/** What somebody types as the address of a broker: one origin, or nothing. */

import { describe, expect, it } from 'vitest';
import { originOf } from '../../src/broker/client-origin.ts';

const thrown = (typed: string): { code: string; exit: number; why: string; next: string } => {
  try {
    return { code: `taken as ${originOf(typed)}`, exit: 0, why: '', next: '' };
  } catch (error) {
    return error as { code: string; exit: number; why: string; next: string };
  }
};

describe("a broker's address", () => {
  it.each([
    ['https://oncall.acme.dev', 'https://oncall.acme.dev'],
    ['https://oncall.acme.dev/', 'https://oncall.acme.dev'],
    ['HTTPS://OnCall.Acme.DEV', 'https://oncall.acme.dev'],
    ['https://oncall.acme.dev:443', 'https://oncall.acme.dev'],
    ['https://oncall.acme.dev:8443/', 'https://oncall.acme.dev:8443'],
    ['https://xn--ncall-m0a.acme.dev', 'https://xn--ncall-m0a.acme.dev'],
    ['https://[2001:db8::1]:8443', 'https://[2001:db8::1]:8443'],
    ['http://localhost:8080', 'http://localhost:8080'],
    ['http://127.0.0.1:80', 'http://127.0.0.1'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
  ])('%s is %s', (typed, origin) => expect(originOf(typed)).toBe(origin));

  it.each([
    'https://oncall.acme.dev@evil.example',
    'https://user:password@oncall.acme.dev',
    'https://oncall.acme.dev/path',
    'https://oncall.acme.dev//',
    'https://oncall.acme.dev?x',
    'https://oncall.acme.dev#x',
    'https://oncall.acme.dev\\@evil.example',
    'https:\\\\oncall.acme.dev',
    'https:oncall.acme.dev',
    'https:///oncall.acme.dev',
    ' https://oncall.acme.dev',
    'https://oncall.acme.dev\n',
    'https://on\tcall.acme.dev',
    'https://oncall%2eacme.dev',
    'https://öncall.acme.dev',
    'https://оncall.acme.dev',
    'https://oncall。acme.dev',
    'https://ｏncall.acme.dev',
    'https://oncall.acme.dev:0443',
    'https://0x7f.1',
    'https://2130706433',
    'https://oncall.acme.dev:99999',
    'https://oncall.acme.dev.',
    'https://oncall.acme.dev.:8443',
    'http://oncall.acme.dev',
    'http://127.0.0.1.evil.example',
    'http://localhost.evil.example',
    'http://10.0.0.1',
    'ftp://oncall.acme.dev',
    'file:///etc/passwd',
    'javascript://oncall.acme.dev',
    'oncall.acme.dev',
    'https://',
    '',
  ])('%j is none', (typed) => expect(thrown(typed)).toMatchObject({ code: 'broker-address', exit: 2 }));

  it('is not repeated with a password in it', () => {
    const { message } = thrown('https://user:password@oncall.acme.dev') as unknown as Error;
    expect(message).toBe('"https://…@oncall.acme.dev" is not the address of a broker');
  });

  it('is named as it should be, where it is plain what is meant', () => {
    expect(thrown('http://oncall.acme.dev').next).toBe('oncall login https://oncall.acme.dev');
    expect(thrown('https://oncall.acme.dev.:8443').next).toBe('oncall login https://oncall.acme.dev:8443');
  });
});
