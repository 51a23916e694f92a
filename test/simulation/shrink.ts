/** From a history that shows a violation to the simplest one found that shows the same: delta debugging over what was drawn. */

import { type Changes, type History, play } from './history.ts';
import { type Choices, chosen, type Random, recorded } from './random.ts';

export type Shrunk = { readonly choices: Choices; readonly history: History; readonly tries: number };

type Bounds = { readonly tries: number; readonly ms: number };
const enough: Bounds = { tries: 5000, ms: 60_000 };

/** What stays the same while a history shrinks; who, where and when may change. */
export function kindOf(violation: string): string {
  return /^[A-Z]\d+/.exec(violation)?.[0] ?? violation.replace(/( in |:).*/s, '').replace(/\d+/g, '');
}

/** `undefined`: no violation. */
export async function shrink(random: Random, changes: Changes, bounds: Bounds = enough): Promise<Shrunk | undefined> {
  const first = recorded(random);
  const history = await play(first.random, changes);
  if (history.violation === undefined) return undefined;
  const kind = kindOf(history.violation);
  const until = performance.now() + bounds.ms;
  let best: Shrunk = { choices: first.choices(), history, tries: 0 };

  /** Whether it is simpler and shows the same; then it is the best. */
  const shows = async (candidate: Choices): Promise<boolean> => {
    if (best.tries >= bounds.tries || performance.now() > until) return false;
    best = { ...best, tries: best.tries + 1 };
    const again = recorded(chosen(candidate));
    const played = await play(again.random, changes);
    const choices = again.choices();
    if (played.violation === undefined || kindOf(played.violation) !== kind || !isSimpler(choices, best.choices)) return false;
    best = { choices, history: played, tries: best.tries };
    return true;
  };
  for (let before: Choices | undefined; before !== best.choices; ) {
    before = best.choices;
    await replaceRuns(() => best.choices, [], shows);
    await replaceRuns(() => best.choices, [[]], shows);
    await lowerEach(() => best.choices, shows);
  }
  return best;
}

type Shows = (candidate: Choices) => Promise<boolean>;

/** Puts `fill` in the place of each of a run of steps, with none for steps that go: long runs first, from the end. */
async function replaceRuns(best: () => Choices, fill: Choices, shows: Shows): Promise<void> {
  for (let length = Math.ceil(best().length / 2); length >= 1; length = length === 1 ? 0 : Math.ceil(length / 2)) {
    for (let at = best().length - length; at > 0; at -= length) {
      const steps = best();
      const run = steps.slice(at, at + length);
      const filled = run.flatMap(() => fill);
      if (fill.length > 0 && run.every((step) => step.length === 0)) continue;
      await shows([...steps.slice(0, at), ...filled, ...steps.slice(at + length)]);
    }
  }
}

/** Each number to 0, else towards it by halves. The first step is the config. */
async function lowerEach(best: () => Choices, shows: Shows): Promise<void> {
  for (let step = 0; step < best().length; step++) {
    for (let at = 0; at < (best()[step]?.length ?? 0); at++) {
      const to = (value: number): Choices => best().map((values, index) => (index === step ? values.with(at, value) : values));
      let low = 0;
      for (let value = best()[step]?.[at] ?? 0; low < value; value = best()[step]?.[at] ?? 0) {
        if (!(await shows(to(low)))) low = Math.ceil((low + value + 1) / 2);
      }
    }
  }
}

function isSimpler(one: Choices, other: Choices): boolean {
  const [a, b] = [one, other].map((steps) => [steps.length, steps.flat().filter((value) => value !== 0).length, sum(steps)]) as [
    number[],
    number[],
  ];
  const at = a.findIndex((value, index) => value !== b[index]);
  return at >= 0 && (a[at] as number) < (b[at] as number);
}

const sum = (steps: Choices): number => steps.flat().reduce((total, value) => total + value, 0);
