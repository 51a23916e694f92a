/** What `sweep --dry-run` says about rotations: who comes, whose end moves, who goes. */

import type { SweepStep } from '../operations/types.ts';
import { table } from '../terminal/table.ts';
import { localInstants, showInstant } from '../terminal/time.ts';
import type { Context } from './command.ts';

const signs: Readonly<Record<NonNullable<SweepStep['change']>, string>> = { in: '+', moved: '~', out: '-' };

export const isInPlan = ({ change, outcome }: SweepStep): boolean => change !== undefined && outcome === 'planned';

export function planTable(steps: readonly SweepStep[], context: Context): string {
  const clock = context.clock();
  const rows = steps.filter(isInPlan).map(({ change = 'moved', holder = '', role = '', until = clock.now, because }) => {
    const when = change === 'out' && until <= clock.now ? 'now' : showInstant(until, clock);
    return [signs[change], holder, role, when, localInstants(because, clock)];
  });
  if (rows.length === 0) return '';
  const columns = [
    { title: '' },
    { title: 'rotation', least: 10 },
    { title: 'role', least: 8 },
    { title: 'until' },
    { title: 'why', least: 12 },
  ];
  return table(columns, rows, context.screen);
}
