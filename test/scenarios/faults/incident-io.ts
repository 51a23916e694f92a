/** incident.io as a provider that fails. */

import { startIncidentIo } from '../../fakes/incident-io.ts';
import { startIssuer } from '../../fakes/issuer.ts';
import { embedded, groups, membersIn, overHttp } from './others.ts';
import {
  type Failure,
  faultyProxy,
  html,
  identity,
  impatient,
  json,
  type Provider,
  patient,
  signedInStage,
  startWrongWays,
  type World,
} from './world.ts';

export const incidentIo: Provider = {
  name: 'incident.io',
  host: 'api.incident.io',
  isDirectory: false,
  failures: overHttp,
  start: async () => {
    const [issuer, fake, ways] = await Promise.all([startIssuer(), startIncidentIo(), startWrongWays()]);
    const proxy = await faultyProxy(fake.url);
    return {
      open: async (door) => {
        fake.reset();
        proxy.heal();
        const [start, end] = [-6, 6].map((hours) => new Date(Date.now() + hours * 3_600_000).toISOString()) as [string, string];
        fake.shift({ schedule: 'primary', user: 'maria@acme.dev', start, end });
        const policy = (url: string, timeout = patient): string =>
          `${embedded(identity(issuer.url), `incident-io: { key: { file: ./secret }, endpoint: ${url}, timeout: ${timeout} }`, '{ onCall: incident-io/primary }')}  watcher: { targets: { local: readers }, allow: [ { onCall: incident-io/primary, until: shift } ] }
`;
        const files = { 'oncall.yaml': policy(proxy.url), secret: fake.key, 'groups.json': groups };
        const s = await signedInStage({ door, issuer, files, clock: proxy.clock });
        const said = (status: number, message: string, more: object = {}) =>
          json(status, { type: 'x', status, request_id: 'r', errors: [{ code: 'x', message }], ...more });
        /** The moment stands in the body alone, so it has to be one of when the answer goes out. */
        const limited = {
          ...said(429, ''),
          get body() {
            const after = new Date(Date.now() + proxy.clock.offsetMs + 42_000).toUTCString().replace('GMT', 'UTC');
            return said(429, 'Too many requests. We recommend exponential backoff.', { rate_limit: { retry_after: after } }).body;
          },
        };
        const answers: Partial<Record<Failure, () => void>> = {
          'wrong key': () => s.write('secret', 'another-key-of-nobody'),
          'no right': () => proxy.failAll('*', said(403, 'Your API key does not have the required scopes')),
          'rate limit': () => proxy.failAll('*', limited),
          'time-out': () => {
            s.write('oncall.yaml', policy(proxy.url, impatient));
            proxy.failAll('*', 'silence');
          },
          down: () => proxy.failAll('*', said(503, 'Service Unavailable')),
          'web page': () => proxy.failAll('*', html()),
          'half an answer': () => proxy.failAll('*', json(200, '{"schedules":[{"id"')),
          'wrong shape': () => proxy.failAll('*', json(200, { schedules: 'none' })),
        };
        const world: World = {
          stage: s,
          members: membersIn(s),
          fail: (failure) => {
            const elsewhere = ways.to(failure);
            if (elsewhere !== undefined) s.write('oncall.yaml', policy(elsewhere));
            answers[failure]?.();
          },
          heal: () => {
            ways.heal();
            proxy.heal();
            s.write('secret', fake.key);
            s.write('oncall.yaml', policy(proxy.url));
          },
        };
        return world;
      },
      stop: async () => void (await Promise.all([ways.stop(), proxy.stop(), issuer.stop(), fake.stop()])),
    };
  },
};
