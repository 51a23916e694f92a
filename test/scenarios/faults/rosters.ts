/** Opsgenie as a provider that fails. */

import { startIssuer } from '../../fakes/issuer.ts';
import { startOpsgenie } from '../../fakes/opsgenie.ts';
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

export const opsgenie: Provider = {
  name: 'Opsgenie',
  host: 'api.opsgenie.com',
  isDirectory: false,
  failures: overHttp,
  start: async () => {
    const [issuer, fake, ways] = await Promise.all([startIssuer(), startOpsgenie(), startWrongWays()]);
    const proxy = await faultyProxy(fake.url);
    return {
      open: async (door) => {
        fake.reset();
        proxy.heal();
        const end = new Date(Date.now() + 6 * 3_600_000).toISOString();
        fake.shift({ schedule: 'primary', user: 'maria@acme.dev', start: null, end });
        const policy = (url: string, timeout = patient): string =>
          `${embedded(identity(issuer.url), `opsgenie: { key: { file: ./secret }, endpoint: ${url}, timeout: ${timeout} }`, '{ onCall: opsgenie/primary }')}  watcher: { targets: { local: readers }, allow: [ { onCall: opsgenie/primary, until: shift } ] }
`;
        const files = { 'oncall.yaml': policy(proxy.url), secret: fake.key, 'groups.json': groups };
        const s = await signedInStage({ door, issuer, files, clock: proxy.clock });
        const said = (status: number, message: string, headers = {}) => json(status, { message, took: 0.01, requestId: 'r' }, headers);
        const answers: Partial<Record<Failure, () => void>> = {
          'wrong key': () => s.write('secret', 'another-key-of-nobody'),
          'no right': () => proxy.failAll('*', said(403, 'You are not authorized to do this action')),
          'rate limit': () => proxy.failAll('*', said(429, 'You are making too many requests!', { 'x-ratelimit-period-in-sec': '42' })),
          'time-out': () => {
            s.write('oncall.yaml', policy(proxy.url, impatient));
            proxy.failAll('*', 'silence');
          },
          down: () => proxy.failAll('*', said(503, 'Service Unavailable')),
          'web page': () => proxy.failAll('*', html()),
          'half an answer': () => proxy.failAll('*', json(200, '{"data":{"onCallPart')),
          'wrong shape': () => proxy.failAll('*', json(200, { data: { onCallParticipants: 'none' } })),
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
