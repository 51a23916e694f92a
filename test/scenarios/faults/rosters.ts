/** The rosters that are asked over HTTP, as providers that fail. */

import type { Answer } from '../../fakes/fault-proxy.ts';
import { startIncidentIo } from '../../fakes/incident-io.ts';
import { startIssuer } from '../../fakes/issuer.ts';
import { startOpsgenie } from '../../fakes/opsgenie.ts';
import { startPagerDuty } from '../../fakes/pagerduty.ts';
import {
  embedded,
  type Failure,
  faultyProxy,
  groups,
  html,
  identity,
  impatient,
  json,
  membersIn,
  overHttp,
  type Provider,
  patient,
  signedInStage,
  startWrongWays,
} from './world.ts';

type Fake = { readonly url: string; readonly key: string; reset(): void; stop(): Promise<void> };

type Kind<F extends Fake> = {
  readonly kind: string;
  readonly name: string;
  readonly host: string;
  /** What its setting for the secret is called. */
  readonly secret: 'key' | 'token';
  readonly start: () => Promise<F>;
  /** Puts maria on call from `start` until `end`; gives the name of the schedule in the policy. */
  readonly shift: (fake: F, start: string, end: string) => string;
  /** What it says where it refuses or is ill. `now`: its own time, ms. */
  readonly said: (now: () => number) => Readonly<Record<'no right' | 'rate limit' | 'down' | 'half an answer' | 'wrong shape', Answer>>;
};

function overHttpRoster<F extends Fake>({ kind, name, host, secret, start, shift, said }: Kind<F>): Provider {
  return {
    name,
    host,
    isDirectory: false,
    failures: overHttp,
    start: async () => {
      const [issuer, fake, ways] = await Promise.all([startIssuer(), start(), startWrongWays()]);
      const proxy = await faultyProxy(fake.url);
      return {
        open: async (door) => {
          fake.reset();
          proxy.heal();
          const [from, until] = [-6, 6].map((hours) => new Date(Date.now() + hours * 3_600_000).toISOString()) as [string, string];
          const onCall = `onCall: ${kind}/${shift(fake, from, until)}`;
          const policy = (url: string, timeout = patient): string =>
            `${embedded(identity(issuer.url), `${kind}: { ${secret}: { file: ./secret }, endpoint: ${url}, timeout: ${timeout} }`, `{ ${onCall} }`)}  watcher: { targets: { local: readers }, allow: [ { ${onCall}, until: shift } ] }
`;
          const files = { 'oncall.yaml': policy(proxy.url), secret: fake.key, 'groups.json': groups };
          const s = await signedInStage({ door, issuer, files, clock: proxy.clock });
          const words = said(() => Date.now() + proxy.clock.offsetMs);
          const answers: Partial<Record<Failure, () => void>> = {
            'wrong key': () => s.write('secret', 'another-key-of-nobody'),
            'time-out': () => {
              s.write('oncall.yaml', policy(proxy.url, impatient));
              proxy.failAll('*', 'silence');
            },
            'web page': () => proxy.failAll('*', html()),
            ...Object.fromEntries(Object.entries(words).map(([failure, answer]) => [failure, () => proxy.failAll('*', answer)])),
          };
          return {
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
        },
        stop: async () => void (await Promise.all([ways.stop(), proxy.stop(), issuer.stop(), fake.stop()])),
      };
    },
  };
}

export const pagerduty = overHttpRoster({
  kind: 'pagerduty',
  name: 'PagerDuty',
  host: 'api.pagerduty.com',
  secret: 'token',
  start: startPagerDuty,
  shift: (fake, _, end) => {
    fake.user('Maria', 'maria@acme.dev');
    const id = fake.schedule('Database Primary');
    fake.shift({ schedule: 'Database Primary', user: 'Maria', start: null, end });
    return id;
  },
  said: () => {
    const said = (status: number, message: string, headers = {}) => json(status, { error: { message, code: 1 } }, headers);
    return {
      'no right': said(403, 'Access Denied'),
      'rate limit': said(429, 'Rate Limit Exceeded', { 'ratelimit-reset': '42' }),
      down: said(503, 'Service Unavailable'),
      'half an answer': json(200, '{"oncalls":[{"user"'),
      'wrong shape': json(200, { oncalls: 'none' }),
    };
  },
});

export const opsgenie = overHttpRoster({
  kind: 'opsgenie',
  name: 'Opsgenie',
  host: 'api.opsgenie.com',
  secret: 'key',
  start: startOpsgenie,
  shift: (fake, _, end) => {
    fake.shift({ schedule: 'primary', user: 'maria@acme.dev', start: null, end });
    return 'primary';
  },
  said: () => {
    const said = (status: number, message: string, headers = {}) => json(status, { message, took: 0.01, requestId: 'r' }, headers);
    return {
      'no right': said(403, 'You are not authorized to do this action'),
      'rate limit': said(429, 'You are making too many requests!', { 'x-ratelimit-period-in-sec': '42' }),
      down: said(503, 'Service Unavailable'),
      'half an answer': json(200, '{"data":{"onCallPart'),
      'wrong shape': json(200, { data: { onCallParticipants: 'none' } }),
    };
  },
});

export const incidentIo = overHttpRoster({
  kind: 'incident-io',
  name: 'incident.io',
  host: 'api.incident.io',
  secret: 'key',
  start: startIncidentIo,
  shift: (fake, start, end) => {
    fake.shift({ schedule: 'primary', user: 'maria@acme.dev', start, end });
    return 'primary';
  },
  said: (now) => {
    const said = (status: number, message: string, more: object = {}) =>
      json(status, { type: 'x', status, request_id: 'r', errors: [{ code: 'x', message }], ...more });
    return {
      'no right': said(403, 'Your API key does not have the required scopes'),
      // The moment stands in the body alone, so it has to be one of when the answer goes out.
      'rate limit': {
        ...said(429, ''),
        get body() {
          const after = new Date(now() + 42_000).toUTCString().replace('GMT', 'UTC');
          return said(429, 'Too many requests. We recommend exponential backoff.', { rate_limit: { retry_after: after } }).body;
        },
      },
      down: said(503, 'Service Unavailable'),
      'half an answer': json(200, '{"schedules":[{"id"'),
      'wrong shape': json(200, { schedules: 'none' }),
    };
  },
});
