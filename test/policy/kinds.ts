/** Kinds of directories and rosters that exist for the tests of the policy only. */

import { z } from 'zod/mini';
import type { Kinds } from '../../src/policy/sources.ts';

const path = z.strictObject({ path: z.string() });
const secret = z.union([z.strictObject({ env: z.string() }), z.strictObject({ file: z.string() })], { error: 'must name a secret' });

const paging = z.strictObject({ token: z.exactOptional(secret), endpoint: z.exactOptional(z.url({ error: 'must be a URL' })) });
const cloud = z.strictObject({
  account: z.string().check(z.regex(/^\d{12}$/, 'must have twelve digits')),
  endpoint: z.exactOptional(z.string()),
});

const isLoopback = (settings: unknown) => (settings as { endpoint?: string }).endpoint?.includes('127.0.0.1') === true;

const machines = z.exactOptional(z.record(z.string(), z.string()));

export const kinds: Kinds = {
  directories: {
    local: { settings: path, isLocal: () => true },
    cloud: {
      settings: cloud,
      isLocal: isLoopback,
      endsSessions: (settings) => (settings as { account: string }).account !== '000000000000' || 'give it the right to',
    },
  },
  rosters: {
    file: { settings: path, isLocal: () => true, knowsIncidents: true },
    paging: { settings: paging, isLocal: isLoopback, knowsIncidents: false },
  },
  oidc: {
    settings: z.strictObject({
      kind: z.literal('oidc'),
      issuer: z.url({ error: 'must be a URL' }),
      domains: z.array(z.string()),
      machines,
    }),
    machines: (settings) => (settings as { machines?: Record<string, string> }).machines ?? {},
    machineClashes: (all) => ((all as { machines?: object }[]).filter((one) => one.machines).length > 1 ? ['two have machines'] : []),
    domains: (settings) => (settings as { domains: string[] }).domains,
    sharedDomains: (all) => {
      const [first, second] = all as { issuer: string; domains: string[] }[];
      const shared = first?.domains.filter((domain) => second?.domains.includes(domain)) ?? [];
      return shared.map((domain) => ({ domain, issuers: [first?.issuer ?? '', second?.issuer ?? ''] }));
    },
  },
};
