/** What a policy may say about incident.io. */

import { describe, expect, it } from 'vitest';
import { z } from 'zod/mini';
import incidentIo from '../../src/rosters/incident-io.ts';

const key = { file: '/run/secrets/incident-io' };

describe('the settings of incident-io', () => {
  const valid = (settings: object) => z.safeParse(incidentIo.settings, { key, ...settings }).success;

  it('sends the key over https, or to this machine', () => {
    expect(valid({})).toBe(true);
    expect(valid({ endpoint: 'http://127.0.0.1:4010' })).toBe(true);
    expect(valid({ endpoint: 'http://api.incident.io' })).toBe(false);
    expect(valid({ endpoint: 'https://user:word@api.incident.io' })).toBe(false);
  });

  it('knows which of them reach nothing but this machine', () => {
    const isLocal = (settings: object) => incidentIo.isLocal(z.parse(incidentIo.settings, { key, ...settings }));
    expect(isLocal({})).toBe(false);
    expect(isLocal({ endpoint: 'http://localhost:4010' })).toBe(true);
  });

  it('refuses a key written into the file, a field without a name, and what it does not know', () => {
    expect(valid({ key: 'inc_abcdef' })).toBe(false);
    expect(valid({ services: '' })).toBe(false);
    expect(valid({ services: 'Affected services', timeout: '10s' })).toBe(true);
    expect(valid({ timeout: '61s' })).toBe(false);
    expect(valid({ token: key })).toBe(false);
  });
});
