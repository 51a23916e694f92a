/** Who is on call in Opsgenie, and its incidents. Atlassian ends the service on 2027-04-05. */

import * as z from 'zod/mini';
import { isLoopback } from '../http.ts';
import { secretRef } from '../secrets.ts';
import { opsgenie, provider } from './opsgenie-client.ts';
import { incidentsOf } from './opsgenie-incidents.ts';
import { noEscalations, onCall, shiftsWithin } from './opsgenie-on-call.ts';
import { defineRoster } from './roster.ts';
import { endpoint, timeout, toMs } from './session.ts';

const regions = { us: 'https://api.opsgenie.com', eu: 'https://api.eu.opsgenie.com' } as const;

const settings = z
  .strictObject({
    key: secretRef,
    region: z.optional(z.enum(['us', 'eu'], 'is us or eu')),
    endpoint: z.optional(endpoint),
    timeout: z.optional(timeout),
  })
  .check(
    z.refine((chosen) => chosen.region === undefined || chosen.endpoint === undefined, {
      error: 'region and endpoint exclude each other',
      path: ['region'],
    }),
  );

const endpointOf = (chosen: z.output<typeof settings>): string => chosen.endpoint ?? regions[chosen.region ?? 'us'];

const noTypes = { message: `incidents of ${provider} have no types`, next: 'filter them by severities or services' };

export default defineRoster({
  settings,
  isLocal: (chosen) => isLoopback(endpointOf(chosen)),
  knowsIncidents: true,
  lacks: () => ({ escalationPolicy: noEscalations, types: noTypes }),
  ends: '2027-04-05',
  open: async (chosen, context) => {
    const inSession = opsgenie({ key: chosen.key, endpoint: endpointOf(chosen), timeoutMs: toMs(chosen.timeout) }, context);
    return {
      title: provider,
      onCall: (query, at, call) => inSession(call, (session) => onCall(session, query, at)),
      shifts: (query, span, call) => inSession(call, (session) => shiftsWithin(session, query, span)),
      ...incidentsOf(inSession),
    };
  },
});
