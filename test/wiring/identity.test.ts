import { describe, expect, it } from 'vitest';
import type { Policy } from '../../src/policy/types.ts';
import { isCourtesy, localActor, throughSudo } from '../../src/wiring/identity.ts';

const policy = {
  people: {
    'maria@acme.dev': { 'aws-prod': 'maria.silva' },
    'ana@acme.dev': { 'aws-prod': 'ana' },
    'ana@acme.test': { 'aws-test': 'ana' },
  },
} as unknown as Policy;

const actor = (env: Record<string, string>, systemUser?: string) => localActor(policy, env, () => systemUser);

describe('who acts under local identity', () => {
  it('is ONCALL_USER before the user of the system, case-folded', () => {
    expect(actor({ ONCALL_USER: 'Maria@Acme.dev' }, 'sam@acme.dev')).toEqual({
      issuer: 'local',
      subject: 'maria@acme.dev',
      email: 'maria@acme.dev',
    });
    expect(actor({ ONCALL_USER: '' }, 'sam@acme.dev').email).toBe('sam@acme.dev');
  });

  it('is the one person whom the policy knows by that name', () => {
    expect(actor({}, 'Maria.Silva').email).toBe('maria@acme.dev');
  });

  it.each([['ana'], ['nobody'], ['constructor'], [undefined]])('is nobody for %s: exit 4 and what to type', (name) => {
    expect(() => actor({}, name)).toThrow(
      expect.objectContaining({ name: 'OncallError', exit: 4, next: expect.stringContaining('ONCALL_USER=') }),
    );
  });
});

describe('a courtesy or a control', () => {
  it('is a courtesy for everybody who runs it directly, root included', () => {
    expect(isCourtesy({}, 1000)).toBe(true);
    expect(isCourtesy({}, 0)).toBe(true);
    expect(isCourtesy({ SUDO_UID: '0' }, 0)).toBe(true);
  });

  it.each([0, 998])('is a control where sudo leads to user %i with an environment that names nobody', (service) => {
    expect(isCourtesy({ SUDO_UID: '1000' }, service)).toBe(false);
    expect(isCourtesy({ SUDO_UID: '1000', ONCALL_USER: 'somebody@acme.dev' }, service)).toBe(true);
  });

  it('is no sudo to another user that leads back to the same, or that nobody knows of', () => {
    expect(throughSudo({ SUDO_UID: '1000' }, 1000)).toBe(false);
    expect(throughSudo({ SUDO_UID: '' }, 998)).toBe(false);
    expect(throughSudo({ SUDO_UID: '0' }, 998)).toBe(true);
  });

  it('acts as whom sudo says, where the user of the system is the same for all', () => {
    const caller = { SUDO_UID: String((process.geteuid?.() ?? 0) + 1), SUDO_USER: 'sam@acme.dev' };
    expect(actor(caller, 'maria.silva').email).toBe('sam@acme.dev');
  });
});
