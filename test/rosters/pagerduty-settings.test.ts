/** What a policy may say about PagerDuty. */

import { describe, expect, it } from 'vitest';
import { z } from 'zod/mini';
import pagerduty from '../../src/rosters/pagerduty.ts';

const token = { env: 'ONCALL_TEST_PAGERDUTY_KEY' };

describe('the settings of pagerduty', () => {
  const valid = (settings: object) => z.safeParse(pagerduty.settings, { token, ...settings }).success;

  it('sends the key over https, or to this machine', () => {
    expect(valid({ endpoint: 'https://api.eu.pagerduty.com' })).toBe(true);
    expect(valid({ endpoint: 'http://127.0.0.1:4010' })).toBe(true);
    expect(valid({ endpoint: 'http://api.pagerduty.com' })).toBe(false);
    expect(valid({ endpoint: 'http://127.0.0.1.evil.example' })).toBe(false);
    expect(valid({ endpoint: 'https://user:word@api.pagerduty.com' })).toBe(false);
    expect(valid({ endpoint: 'https://user@api.pagerduty.com' })).toBe(false);
    expect(valid({ endpoint: 'https://api.pagerduty.com?x=y' })).toBe(false);
  });

  it('knows which of them reach nothing but this machine', () => {
    const isLocal = (settings: object) => pagerduty.isLocal(z.parse(pagerduty.settings, { token, ...settings }));
    expect(isLocal({})).toBe(false);
    expect(isLocal({ region: 'eu' })).toBe(false);
    expect(isLocal({ endpoint: 'http://localhost:4010' })).toBe(true);
  });

  it('refuses a key written into the file, region beside endpoint, and what it does not know', () => {
    expect(valid({ token: 'u+abcdef' })).toBe(false);
    expect(valid({ region: 'eu', endpoint: 'https://api.pagerduty.com' })).toBe(false);
    expect(valid({ timeout: '5' })).toBe(false);
    expect(valid({ timeout: '61s' })).toBe(false);
    expect(valid({ timout: '5s' })).toBe(false);
  });
});
