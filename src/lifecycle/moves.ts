/** The state diagram of a grant. `ended` is final. */

import type { Grant, GrantState } from './types.ts';

const moves: Readonly<Record<GrantState, readonly GrantState[]>> = {
  activating: ['active', 'revoking'],
  active: ['revoking'],
  revoking: ['ended'],
  ended: [],
};

/** Throws where the diagram has no such move; staying in a state that is not final is always legal. */
export function assertGrantMove(from: Pick<Grant, 'id' | 'state'>, to: Pick<Grant, 'state'>): void {
  const stays = from.state === to.state && from.state !== 'ended';
  if (!stays && !moves[from.state].includes(to.state)) throw new Error(`grant ${from.id}: no move from ${from.state} to ${to.state}`);
}
