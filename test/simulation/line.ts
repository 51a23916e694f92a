/** I12: the line for a place keeps its order, nobody gets past those who wait, and a place is kept for whoever it is offered to. */

import type { RequestRow, Rows } from './rows.ts';
import { type Process, violate, type World } from './world.ts';

/** What one transaction has made of each role that has one. */
export function checkLine(world: World, process: Process, before: Rows, after: Rows): void {
  // Where an emergency lets somebody in, nobody stands in line.
  for (const { name, maxHolders } of Object.values(process.policy.roles))
    if (maxHolders !== undefined && name !== 'emergency') checkLineOf(world, name, maxHolders, before, after);
}

function checkLineOf(world: World, role: string, places: number, before: Rows, after: Rows): void {
  const isOf = (state: string) => (request: RequestRow) => request.role === role && request.open === 1 && request.state === state;
  const now = [...after.requests.values()];
  const [queued, offered] = [now.filter(isOf('queued')), now.filter(isOf('offered'))];
  const next = Math.min(...queued.map(numberOf));
  const ahead = offered.find((request) => numberOf(request) > next);
  if (ahead) violate(world, `I12: a place is offered to ${ahead.id}, and somebody waits who came before`);
  const numbers = [...queued, ...offered].map(numberOf);
  if (new Set(numbers).size < numbers.length) violate(world, 'I12: two in the line have the same number');

  for (const request of now) {
    const had = before.requests.get(request.id);
    if (request.role !== role || had?.version === request.version) continue;
    if (had && queued.includes(request) && had.state === 'offered' && numberOf(had) !== numberOf(request))
      violate(world, `I12: request ${request.id} has lost its turn`);
    const isIn = request.state === 'approved' && request.open === 1;
    const isNew = request.state === 'offered' ? had?.state !== 'offered' : isIn && (request.startsAt ?? 0) !== (had?.startsAt ?? 0);
    if (isNew) {
      const people = new Set([...now.filter(isOf('approved')), ...offered].map(({ email }) => email));
      if (people.size > places) violate(world, `I12: request ${request.id} is ${request.state}, and no place is free`);
    }
    if (isNew && isIn && numberOf(had) > next) violate(world, `I12: request ${request.id} is approved, and somebody waits who came before`);
    const isLater = isIn && !isNew && (request.expiresAt ?? 0) > (had?.expiresAt ?? 0);
    if (isLater && queued.length > 0) violate(world, `I12: the end of request ${request.id} was moved, and somebody waits`);
  }
}

const numberOf = (request: RequestRow | undefined): number => request?.lineNo ?? Number.POSITIVE_INFINITY;
