/** A role that maria asks for and others say yes to, with the approvers that a test is about. */

import type { Actor } from '../../src/lifecycle/types.ts';
import type { RequestResult } from '../../src/operations/types.ts';
import type { Condition, Policy, Role } from '../../src/policy/types.ts';
import { company, granted, role, rule, user, type World } from './world.ts';

export const member = (group: string): Condition => ({ kind: 'member', directory: 'okta', group });

export const approvedBy = (approvers: readonly Condition[], over: Partial<Role> = {}): Role =>
  role('db-admin', {
    allow: [],
    ask: [rule({ kind: 'any', conditions: ['maria', 'kim'].map(user) }, { name: 'db-admin.ask[0]' })],
    approvers: approvers.map((condition, index) => rule(condition, { name: `db-admin.approvers[${index}]` })),
    whenUnknown: 'ask',
    ...over,
  });

export type Approval = World & {
  /** maria's request; its id. */
  ask(over?: { readonly reason?: string; readonly hours?: number }): Promise<string>;
  approve(name: string, id: string, over?: { readonly seen?: string; readonly actor?: Actor }): Promise<RequestResult>;
  /** Whether maria is in. */
  isIn(): boolean;
  change(over: Partial<Policy>): void;
};

export async function approval(
  approvers: readonly Condition[],
  over: Partial<Role> = {},
  options: Parameters<typeof company>[0] = {},
): Promise<Approval> {
  const world = await company({ roles: [approvedBy(approvers, over)], ...options });
  return Object.assign(world, {
    ask: async ({ reason = 'index rebuild', hours }: { reason?: string; hours?: number } = {}) => {
      const asked = hours === undefined ? ({ byDefault: true } as const) : { forMs: hours * 3_600_000 };
      const { result, request } = granted(await world.as('maria').request({ role: 'db-admin', asked, reason }));
      if (result !== 'pending') throw new Error(`not pending but ${result}`);
      return request.id;
    },
    approve: async (name: string, id: string, { seen, actor }: { seen?: string; actor?: Actor } = {}) => {
      const as = world.as(name, actor === undefined ? {} : { actor: async () => actor });
      return granted(await as.approve({ id, ...(seen === undefined ? {} : { seen }) }));
    },
    isIn: () => world.okta.in('db').includes('maria@acme.dev'),
    change: (changes: Partial<Policy>) => void Object.assign(world.policy, changes),
  });
}
