/** How a line stands: who waits, at which place, and for whom. Reads only. */

import type { Queries } from '../ledger/ledger.ts';
import type { Request } from '../lifecycle/types.ts';
import type { InLine, Line, PlaceHolder } from './line-types.ts';

const isWaiting = ({ state }: Request): boolean => state === 'queued';

/** Of a role: those who wait, and have no place offered. */
export const waitingFor = async (q: Queries, role: string): Promise<readonly Request[]> => (await q.lineOf(role)).filter(isWaiting);

/** 1: next; `undefined`: not waiting in line. */
export async function placeOf(q: Queries, { id, role }: Pick<Request, 'id' | 'role'>): Promise<number | undefined> {
  const index = (await waitingFor(q, role)).findIndex((one) => one.id === id);
  return index < 0 ? undefined : index + 1;
}

export async function whereInLine(q: Queries, request: Request): Promise<InLine> {
  const place = await placeOf(q, request);
  const holders = (await q.openHolders(request.role)).filter(({ id }) => id !== request.id);
  const heldBy = await placeHolders(
    q,
    holders.map(({ id }) => id),
  );
  return { ...(place === undefined ? {} : { place }), heldBy };
}

/** By the ids of the requests. */
export function placeHolders(q: Queries, ids: readonly string[]): Promise<readonly PlaceHolder[]> {
  return Promise.all(
    ids.map(async (id) => {
      const request = await q.request(id);
      const holder = request?.requester.email ?? '?';
      if (request?.state === 'offered') return { holder, ending: false, offeredUntil: request.pendingUntil ?? 0 };
      const { expiresAt } = request ?? {};
      const live = (await q.grantsOfRequest(id)).filter(({ state }) => state === 'activating' || state === 'active');
      return { holder, ...(expiresAt === undefined ? {} : { expiresAt }), ending: live.length === 0 };
    }),
  );
}

export async function linesOf(q: Queries): Promise<readonly Line[]> {
  const roles = await q.rolesInLine();
  return Promise.all(roles.map(async (role) => ({ role, waiting: (await waitingFor(q, role)).map(({ id }) => id) })));
}

/** Whoever has it may not have it longer while others wait for it. */
export const whyNotMoved = (many: number): string => `${many === 1 ? 'somebody waits' : `${many} wait`} for it, so its end does not move`;
