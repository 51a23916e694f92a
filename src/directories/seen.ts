/** Ids that were seen to exist a moment ago, so that a request that finds, reads and then adds does not ask three times. */

export type Seen = { readonly has: (id: string) => boolean; readonly add: (id: string) => void; readonly drop: (...ids: string[]) => void };

const seenForMs = 5_000;

export function seen(now: () => number): Seen {
  const at = new Map<string, number>();
  return {
    has: (id) => {
      const age = now() - (at.get(id) ?? Number.NEGATIVE_INFINITY);
      return age >= 0 && age < seenForMs;
    },
    add: (id) => void at.set(id, now()),
    drop: (...ids) => {
      for (const id of ids) at.delete(id);
    },
  };
}
