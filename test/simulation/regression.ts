/** A history that once showed a violation, as a test that stays. */

import { type AblationName, ablations } from './ablations.ts';
import type { Config } from './config.ts';
import { play } from './history.ts';
import { type Choices, chosen } from './random.ts';

/** What is wrong in the history that these choices give, or `holds`. `SIMULATION_ABLATE` names a safeguard to take out first. */
export async function replays(choices: Choices, config: Partial<Config> = {}): Promise<string> {
  const ablate = process.env['SIMULATION_ABLATE'] as AblationName | undefined;
  const history = await play(chosen(choices), { config, ...(ablate === undefined ? {} : { ablation: ablations[ablate] }) });
  return history.violation ?? 'holds';
}

/** To be put into a file in test/. It speaks of this very history as long as the program makes the same calls. */
export function regressionTest(found: string, violation: string, choices: Choices, config?: Partial<Config>): string {
  const what = violation.split('\n')[0] ?? '';
  return `/** Found by \`npm run sim -- ${found}\`: ${what.replaceAll('*/', '')}. */

import { expect, it } from 'vitest';
import { replays } from './simulation/regression.ts';

it('holds where once it did not (${found})', async () => {
  const choices = [
${lines(choices)}
  ];
  expect(await replays(choices${config === undefined ? '' : `, ${JSON.stringify(config)}`})).toBe('holds');
});
`;
}

function lines(choices: Choices): string {
  const rows: string[] = [];
  for (const step of choices) {
    const text = `[${step.join(', ')}],`;
    const last = rows.at(-1);
    if (last === undefined || last.length + text.length > 130) rows.push(`    ${text}`);
    else rows[rows.length - 1] = `${last} ${text}`;
  }
  return rows.join('\n');
}
