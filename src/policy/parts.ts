/** A rule with several conditions, part by part: which of them hold, and why. */

import { describeCondition } from './conditions.ts';
import { factOf, type Subject, truthOf } from './truth.ts';
import type { Condition, Part } from './types.ts';

export type PartReading = {
  readonly subject: Subject;
  readonly selfMade: boolean;
  readonly reasonOf: (leaf: Condition, favours: boolean) => string;
};

/** It is kept with the decision and with each event of it: a rule that says more than a screen can show is kept without its parts. */
const mostParts = 40;

/** Of a single condition there is nothing to tell apart. */
export function partsOf(condition: Condition, favours: boolean, reading: PartReading): readonly Part[] | undefined {
  const inner = condition.kind === 'not' ? condition.condition : condition;
  if ((inner.kind !== 'all' && inner.kind !== 'any') || sizeOf(condition) > mostParts) return undefined;
  const whole = partOf(condition, favours, reading);
  // The rule itself says "all of these" by what it lists.
  return condition.kind === 'all' ? whole.parts : [whole];
}

function sizeOf(condition: Condition): number {
  if (condition.kind === 'not') return sizeOf(condition.condition);
  if (condition.kind !== 'all' && condition.kind !== 'any') return 1;
  let size = 1;
  for (const one of condition.conditions) {
    size += sizeOf(one);
    // Named conditions are shared, so there may be far more of them than the file has.
    if (size > mostParts) break;
  }
  return size;
}

function partOf(condition: Condition, favours: boolean, reading: PartReading): Part {
  const holds = truthOf(condition, reading.subject, { favours, selfMade: reading.selfMade });
  if (condition.kind === 'all' || condition.kind === 'any')
    return { what: `${condition.kind} of these`, holds, parts: condition.conditions.map((one) => partOf(one, favours, reading)) };
  if (condition.kind !== 'not') return { what: describeCondition(condition), holds, ...reasonsOf(condition, favours, reading) };
  const inner = condition.condition;
  const what = inner.kind === 'any' ? 'none of these' : inner.kind === 'all' ? 'not all of these' : describeCondition(condition);
  const { parts, because, source, fetchedAt } = partOf(inner, !favours, reading);
  return {
    ...{ what, holds },
    ...(because === undefined ? {} : { because }),
    ...(source === undefined ? {} : { source }),
    ...(fetchedAt === undefined ? {} : { fetchedAt }),
    ...(parts === undefined ? {} : { parts }),
  };
}

function reasonsOf(leaf: Condition, favours: boolean, { subject, reasonOf }: PartReading): Pick<Part, 'because' | 'source' | 'fetchedAt'> {
  const { source, fetchedAt } = factOf(leaf, subject) ?? {};
  return {
    because: reasonOf(leaf, favours),
    ...(source === undefined ? {} : { source }),
    ...(fetchedAt === undefined ? {} : { fetchedAt }),
  };
}
