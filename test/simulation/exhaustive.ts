/** Every interleaving of two processes, with at most one fault or crash: depth first, each duel played from its beginning, and none twice from the same state on. */

import { type Ablation, type AblationName, ablations } from './ablations.ts';
import { type DuelName, duel } from './duel.ts';
import { scratch } from './scratch.ts';
import { apart } from './settle.ts';

export type Explored = {
  readonly name: DuelName;
  /** Duels played, most of them until they met a state that was known. */
  readonly played: number;
  readonly states: number;
  /** How many different courses the states stand for. */
  readonly courses: number;
  readonly calls: number;
  readonly complete: boolean;
  readonly violation?: { readonly what: string; readonly trace: readonly string[] };
};

/** A moment with a choice. `courses`: those below the choices that were explored already. */
type Moment = { choice: number; readonly among: number; readonly state: string | undefined; courses: number };

export async function explore(name: DuelName, ablate?: AblationName, most = Number.POSITIVE_INFINITY): Promise<Explored> {
  const shared = await scratch();
  const ablation: Ablation = ablate === undefined ? {} : ablations[ablate];
  return apart(() => {
    const path: Moment[] = [];
    const known = new Map<string, number>();
    let [played, calls, courses] = [0, 0, 0];
    do {
      let depth = 0;
      let met: number | undefined;
      const outcome = duel(shared, name, ablation, (among, stateOf) => {
        const before = path[depth];
        if (before) {
          depth++;
          return before.choice;
        }
        const state = stateOf?.();
        met = state === undefined ? undefined : known.get(state);
        if (met !== undefined) return undefined;
        path.push({ choice: 0, among: Math.max(1, among), state, courses: 0 });
        depth++;
        return 0;
      });
      played++;
      calls = Math.max(calls, outcome.calls);
      if (outcome.violation !== undefined)
        return {
          name,
          played,
          states: known.size,
          courses,
          calls,
          complete: false,
          violation: { what: outcome.violation, trace: outcome.trace },
        };
      courses = next(path, known, met ?? 1);
    } while (path.length > 0 && played < most);
    return { name, played, states: known.size, courses, calls, complete: path.length === 0 };
  });
}

/** Goes back to the last moment with a choice left, and takes that. Gives how many courses there were below the moments left behind. */
function next(path: Moment[], known: Map<string, number>, courses: number): number {
  let below = courses;
  for (let moment = path.at(-1); moment; moment = path.at(-1)) {
    moment.courses += below;
    below = moment.courses;
    if (moment.choice + 1 < moment.among) {
      moment.choice++;
      return below;
    }
    if (moment.state !== undefined) known.set(moment.state, moment.courses);
    path.pop();
  }
  return below;
}

export function tellExplored({ name, played, states, courses, calls, complete, violation }: Explored): string {
  const found = violation === undefined ? (complete ? 'all hold' : 'not complete') : [violation.what, ...violation.trace].join('\n  ');
  return `${name}: ${courses} interleavings (${states} states, ${played} played, at most ${calls} calls): ${found}`;
}
