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
    local: { settings: path, isLocal: () => true, place: (settings) => (settings as { path: string }).path },
    cloud: {
      settings: cloud,
      isLocal: isLoopback,
      endsSessions: (settings) => (settings as { account: string }).account !== '000000000000' || 'give it the right to',
      givesIamRole: (settings, arn) => arn.includes(`:${(settings as { account: string }).account}:`) || 'it is in another account',
    },
  },
  rosters: {
    file: { settings: path, isLocal: () => true, knowsIncidents: true },
    paging: { settings: paging, isLocal: isLoopback, knowsIncidents: false },
    plain: {
      settings: z.strictObject({ services: z.exactOptional(z.string()) }),
      isLocal: () => true,
      knowsIncidents: true,
      lacks: (settings) => ({
        escalationPolicy: { message: 'there are no policies', next: 'name a schedule' },
        levels: { message: 'there are no levels', next: 'leave them out' },
        types: { message: 'there are no types', next: 'leave them out' },
        ...((settings as { services?: string }).services === undefined && {
          services: { message: 'there are no services', next: 'say where they are' },
        }),
      }),
    },
  },
  channels: {
    hook: { settings: z.strictObject({ url: z.string(), secret }), isLocal: isLoopback, takesEvents: true },
    slack: { settings: z.strictObject({ url: secret }), isLocal: () => false, takesEvents: false },
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
