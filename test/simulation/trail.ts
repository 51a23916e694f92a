/** I6: every transaction leaves exactly the events of what it changed, the chain goes on from where it was, and nothing is sent that no event announced. */

import { eventHash, firstPrev } from '../../src/ledger/events.ts';
import type { EventRow, Rows } from './rows.ts';
import { count, type Process, violate, type World } from './world.ts';

export type Body = {
  readonly seq: number;
  readonly type: string;
  readonly grantId?: string;
  readonly requestId?: string;
  readonly holder?: string;
  readonly target?: { readonly directory: string; readonly group: string };
};

/** The last event seen. */
export type Head = { readonly seq: number; readonly hash: string };
export const noHead: Head = { seq: 0, hash: firstPrev };

/** `told`: what the changed rows say has happened, one `id type` each. */
export function checkNews(world: World, process: Process, after: Rows, told: readonly string[]): void {
  const bodies = after.news.map((row) => chained(world, row));
  for (const body of bodies) {
    count(world, `event ${body.type}`);
    if (body.type === 'membership.add' || body.type === 'membership.remove') {
      const row = after.grants.get(body.grantId ?? '')?.membershipId;
      world.announced.set(`${body.type.slice('membership.'.length)} ${row}`, process);
    }
    if (body.type === 'member.drift') checkStranger(world, body);
    if (body.type === 'ledger.recovered') recovered(world);
  }
  const said = bodies.flatMap((body) => (changes.includes(body.type) ? [`${idOf(body)} ${body.type}`] : []));
  if (said.sort().join() !== [...told].sort().join()) {
    violate(world, `I6: the rows changed by ${told.join(', ') || 'nothing'}, the trail says ${said.join(', ') || 'nothing'}`);
  }
}

const changes: readonly string[] = [
  ...['pending', 'queued', 'offered', 'approved', 'denied', 'withdrawn', 'expired', 'extended', 'approval'].map(
    (what) => `request.${what}`,
  ),
  ...['activating', 'active', 'revoking', 'ended'].map((what) => `grant.${what}`),
  'member.adopted',
  'member.taken-over',
  'rotation.changed',
  'rotation.held-over',
];

const idOf = ({ type, grantId, requestId }: Body): string | undefined => (/^(request|rotation)\./.test(type) ? requestId : grantId);

function chained(world: World, { seq, body, prev, hash }: EventRow): Body {
  const parsed = JSON.parse(body) as Body;
  const whole = seq === world.head.seq + 1 && parsed.seq === seq && prev === world.head.hash && hash === eventHash(prev, body);
  if (!whole) violate(world, `I6: the chain of events breaks at ${seq}`);
  world.head = { seq, hash };
  // The same deed at the same instant: nothing of what was kept is missing any more.
  if (world.lost === hash) world.lost = false;
  return parsed;
}

/** From here on the ledger stands for everybody again. */
function recovered(world: World): void {
  world.lost = false;
  for (const [member, at] of world.wild) if (at === Number.POSITIVE_INFINITY) world.wild.delete(member);
}

/** Who came in through us is never called a stranger. */
function checkStranger(world: World, { holder = '', target }: Body): void {
  if (world.made > 1 || world.restoredAt > 0) return;
  const there = [...world.standing].some(([key, userIds]) => {
    const name = target?.directory ?? '';
    const { own, other } = world.accounts.get(name) ?? {};
    const emails = [...userIds].map((userId) => (own?.users.get(userId) ?? other?.users.get(userId))?.email);
    return key.startsWith(`${name}/`) && (emails.includes(holder) || userIds.has(holder));
  });
  const gone = [...world.takenOut].some((one) => one.startsWith(`${target?.directory}/`));
  if (!there && !gone) violate(world, `I9: ${holder} is called a stranger in ${target?.group}, and came in through us`);
}
