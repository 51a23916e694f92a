/** Takes on a member whom no grant explains, so that the usual end takes them out. */

import type { Member } from '../directories/directory.ts';
import type { Queries } from '../ledger/ledger.ts';
import type { Actor, EndReason, GroupPin, Membership } from '../lifecycle/types.ts';
import type { Deps } from './deps.ts';
import { freeRequestId, randomId } from './intent.ts';

export type Adoption = {
  readonly member: Member;
  /** Who that is to people; left out: known by the name in the directory alone. */
  readonly holder?: string | undefined;
  /** Left out: looked for. */
  readonly row?: Membership | undefined;
  readonly name: string;
  readonly group: GroupPin;
  readonly because: string;
  readonly reason: Extract<EndReason, 'failed' | 'revoked'>;
  readonly actor: Actor | 'sweep';
};

/** Makes the membership ours and due, gives the grant that ends it: under the request that last stood on it, or one of its own. */
export async function adopt(
  deps: Deps,
  q: Queries,
  now: number,
  { member, holder: email, row, name, group, because, reason, actor }: Adoption,
): Promise<string> {
  const target = { directory: name, group: group.groupName };
  const pin = { account: group.account, groupId: group.groupId, groupName: group.groupName, ...member };
  const known = row ?? (await q.membershipAt(name, pin));
  const holder = email ?? known?.holder ?? member.userName;
  const membership = known ?? (await q.insertMembership(randomId(deps, 12), name, holder, pin));
  await q.changeMembership(membership, { owned: true });
  let request = await q.lastRequestOfMembership(membership.id);
  if (request) {
    await q.reopenRequest(request);
  } else {
    request = {
      id: await freeRequestId(deps, q),
      requester: { issuer: 'oncall', subject: `sweep:${membership.id}`, email: holder },
      origin: 'adopted',
      role: 'adopted',
      targets: [target],
      reason: because,
      asked: { byDefault: true },
      state: 'approved',
      requestedAt: now,
      startsAt: now,
      expiresAt: now,
      decision: {
        outcome: 'deny',
        heldBy: [],
        endsWith: [],
        undecided: false,
        approvers: [],
        findings: [],
        policyDigest: deps.policy.digest,
      },
      approvals: [],
      version: 1,
    };
    await q.insertRequest(request);
  }
  const id = `${request.id}.${(await q.countGrantsOfRequest(request.id)) + 1}`;
  await q.insertGrant({
    id,
    requestId: request.id,
    membershipId: membership.id,
    target,
    state: 'revoking',
    endReason: reason,
    attempts: 0,
    nextAttemptAt: now,
    lastError: because,
    createdAt: now,
    version: 1,
  });
  await q.record({
    type: 'member.adopted',
    actor,
    grantId: id,
    requestId: request.id,
    holder,
    target,
    data: { because },
  });
  return id;
}
