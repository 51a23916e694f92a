/** Group rules: whom an active rule put into a group comes back, and whom the API takes out of it goes on the rule's exclusion list for good. So such groups are left alone. */

import { ProviderError } from '../errors.ts';
import type { AdapterContext, Call } from './directory.ts';
import type { Okta, Rule } from './okta-client.ts';
import { remember } from './okta-remember.ts';

/** A rule made since is met a minute later, at the latest. */
const keepMs = 60_000;

export type Rules = {
  /** The name of an active rule that assigns to the group. */
  readonly over: (groupId: string, call: Call) => Promise<string | undefined>;
};

export function openRules(okta: Okta, { now }: AdapterContext): Rules {
  // Without the caller's signal, as others share the answer.
  const rules = remember<readonly Rule[]>(() => okta.activeRules({}), keepMs, now);
  return { over: async (groupId) => (await rules.get()).find(({ groupIds }) => groupIds.includes(groupId))?.name };
}

export function ruled(provider: string, group: string, rule: string): ProviderError {
  return new ProviderError(
    provider,
    'refused',
    `${group} is filled by the group rule "${rule}", and whom oncall took out of it would be on that rule's exclusion list for good`,
    { applied: 'no', next: `use a group that no rule assigns to, or deactivate the rule "${rule}" in Okta` },
  );
}
