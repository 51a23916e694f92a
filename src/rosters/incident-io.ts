/** incident.io: who is on call by its schedules, and who has a role in which live incident. */

import * as z from 'zod/mini';
import { isLoopback } from '../http.ts';
import { secretRef } from '../secrets.ts';
import { incidentIo, provider } from './incident-io-client.ts';
import { findIncident, liveIncidents } from './incident-io-incidents.ts';
import { onCall, shifts, unasked } from './incident-io-shifts.ts';
import { defineRoster } from './roster.ts';
import { endpoint as address, timeout, toMs } from './session.ts';

/** The only address that is documented, also for accounts in the EU. */
const documented = 'https://api.incident.io';

const settings = z.strictObject({
  key: secretRef,
  /** Name or id of the custom field that holds the services of an incident. */
  services: z.optional(z.string().check(z.minLength(1, 'needs the name or the id of a custom field'))),
  endpoint: z.optional(address),
  timeout: z.optional(timeout),
});

/** A filter that no incident can pass, and behind a `not` keeps nobody out. */
const noServices = {
  message: `the policy does not say where incidents of ${provider} have their services, so none has any`,
  next: 'name the custom field that holds them, as "services" of the roster',
};

export default defineRoster({
  settings,
  isLocal: ({ endpoint = documented }) => isLoopback(endpoint),
  knowsIncidents: true,
  lacks: ({ services }) => (services === undefined ? { ...unasked, services: noServices } : unasked),
  open: async ({ key, services, endpoint = documented, timeout: within }, context) => {
    const inSession = incidentIo({ key, endpoint, timeoutMs: toMs(within) }, context);
    return {
      title: provider,
      onCall: (query, at, call) => inSession(call, (session) => onCall(session, query, at)),
      shifts: (query, { from, to }, call) =>
        inSession(call, (session) => shifts(session, query, { from, to }, ({ start, end }) => start < to && end > from)),
      incident: (ref, call) => inSession(call, (session) => findIncident(session, ref, services)),
      incidents: (call) => inSession(call, (session) => liveIncidents(session, services)),
    };
  },
});
