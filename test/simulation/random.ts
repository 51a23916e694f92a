/** A small fast generator (sfc32): the same seed gives the same history, on every machine. What it drew can be written down, made simpler, and drawn again. */

export type Random = {
  /** Uniform in [0, 1). */
  next(): number;
  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** What is drawn from here on belongs to the next step. */
  mark(): void;
};

/**
 * What was drawn, step by step, as whole numbers. 0 is the least eventful: no, the first, the smallest; and so is what is missing.
 * A step that draws more or less than it did leaves the steps after it as they were.
 */
export type Choices = readonly (readonly number[])[];

const fine = 2 ** 16;

export function seeded(seed: number): Random {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed | 0;
  let d = Math.floor(seed / 2 ** 32) | 1;
  const draw = (): number => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return t >>> 0;
  };
  // Neighbouring seeds begin alike; after this many rounds they no longer do.
  for (let round = 0; round < 15; round++) draw();
  const between = (from: number, to: number): number => from + Math.floor((draw() / 2 ** 32) * (to - from + 1));
  return {
    next: () => (draw() >>> 16) / fine,
    between,
    chance: (probability) => draw() / 2 ** 32 < probability,
    pick: (items) => items[between(0, some(items) - 1)] as (typeof items)[number],
    mark: () => {},
  };
}

/** Draws from `random`, and keeps what came. */
export function recorded(random: Random): { readonly random: Random; readonly choices: () => Choices } {
  const steps: number[][] = [[]];
  const keep = (choice: number): void => void steps.at(-1)?.push(choice);
  return {
    choices: () => simple(steps),
    random: {
      next: () => {
        const value = random.next();
        keep(value * fine);
        return value;
      },
      between: (from, to) => {
        const value = random.between(from, to);
        keep(value - from);
        return value;
      },
      chance: (probability) => {
        const holds = random.chance(probability);
        keep(holds ? 1 : 0);
        return holds;
      },
      pick: (items) => {
        const index = random.between(0, some(items) - 1);
        keep(index);
        return items[index] as (typeof items)[number];
      },
      mark: () => {
        random.mark();
        steps.push([]);
      },
    },
  };
}

/** Draws what was written down. */
export function chosen(choices: Choices): Random {
  let step = 0;
  let at = 0;
  const take = (among: number): number => (choices[step]?.[at++] ?? 0) % Math.max(1, among);
  return {
    next: () => take(fine) / fine,
    between: (from, to) => from + take(Math.floor(to - from) + 1),
    chance: (probability) => {
      const holds = take(2) === 1;
      return probability >= 1 || (probability > 0 && holds);
    },
    pick: (items) => items[take(some(items))] as (typeof items)[number],
    mark: () => {
      step++;
      at = 0;
    },
  };
}

function some(items: readonly unknown[]): number {
  if (items.length === 0) throw new Error('nothing to pick from');
  return items.length;
}

/** Without the zeros at the end of each step, and without the empty steps at the end. */
export function simple(choices: Choices): Choices {
  const steps = choices.map((step) => step.slice(0, step.findLastIndex((choice) => choice !== 0) + 1));
  return steps.slice(0, steps.findLastIndex((step) => step.length > 0) + 1);
}
