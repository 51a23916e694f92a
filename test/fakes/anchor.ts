/** An anchor in memory: outside the ledger, as the real one is. */

import type { Head } from '../../src/lifecycle/events.ts';
import type { Anchor } from '../../src/operations/deps.ts';

export type MemoryAnchor = Anchor & { kept: Head | undefined };

export function memoryAnchor(kept?: Head): MemoryAnchor {
  const anchor: MemoryAnchor = {
    kept,
    read: async () => anchor.kept,
    keep: async (head) => {
      anchor.kept = head;
    },
  };
  return anchor;
}
