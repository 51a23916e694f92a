/** What a kind of roster can never tell: `policy check` refuses a rule that asks for it, in the words of the roster itself. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { isProviderError } from '../../src/errors.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import { rosterKinds } from '../../src/rosters/index.ts';
import { allKinds } from '../../src/wiring/load-policy.ts';

const folder = mkdtempSync(join(tmpdir(), 'oncall-lacks-'));
afterAll(() => rmSync(folder, { recursive: true }));
const secret = join(folder, 'secret');
writeFileSync(secret, 'CANARY-roster-key', { mode: 0o600 });
const asks = {
  escalationPolicy: '{ escalationPolicy: ours/Databases }',
  levels: '{ onCall: ours/primary, levels: [1] }',
  services: '{ incident: ours, services: [db] }',
  types: '{ incident: ours, types: [outage] }',
};

async function refusedOf(settings: string, condition: string): Promise<readonly string[]> {
  const text = `version: 1
ledger: ./oncall.db
directories: { local: { path: ./groups.json } }
rosters: { ours: { ${settings} } }
roles: { db: { targets: { local: dba }, allow: [ { user: a@acme.dev, not: ${condition} } ] } }
`;
  const { issues } = parsePolicy(text, { path: join(folder, 'oncall.yaml'), digest: 'd', kinds: await allKinds() });
  return issues.filter(({ severity }) => severity === 'error').map(({ code, message, hint }) => `${code}: ${message} | ${hint}`);
}

const anyServer = 'http://127.0.0.1:9';
const kinds: readonly (readonly [keyof typeof rosterKinds, string, object, readonly string[]])[] = [
  ['file', 'kind: file, path: ./schedule.yaml', { path: './schedule.yaml' }, ['escalationPolicy']],
  ['pagerduty', 'kind: pagerduty, token: { env: T }', { token: { file: secret }, endpoint: anyServer }, []],
  ['opsgenie', 'kind: opsgenie, key: { env: K }', { key: { file: secret }, endpoint: anyServer }, ['escalationPolicy', 'types']],
  [
    'incident-io',
    'kind: incident-io, key: { env: K }',
    { key: { file: secret }, endpoint: anyServer },
    ['escalationPolicy', 'levels', 'services'],
  ],
  [
    'incident-io',
    'kind: incident-io, key: { env: K }, services: Team',
    { key: { file: secret }, services: 'Team' },
    ['escalationPolicy', 'levels'],
  ],
  ['command', 'kind: command, run: [/bin/true]', { run: ['/bin/true'] }, []],
];

it.each(kinds)('of %s (%s): each of these, and nothing else', async (kind, settings, parsed, lacking) => {
  const { lacks, open } = await rosterKinds[kind]();
  const words = lacks?.(parsed) ?? {};
  for (const [key, condition] of Object.entries(asks)) {
    const told = words[key as keyof typeof asks];
    expect(await refusedOf(settings, condition)).toEqual(lacking.includes(key) ? [`unanswerable: ${told?.message} | ${told?.next}`] : []);
  }

  const context = { name: 'ours', now: () => 0, log: () => undefined, onServerDate: () => undefined, baseDir: folder };
  const roster = await open(parsed, context);
  const queries = { escalationPolicy: { escalationPolicy: 'Databases', levels: [1] }, levels: { schedule: 'primary', levels: [1] } };
  for (const key of ['escalationPolicy', 'levels'] as const) {
    if (!lacking.includes(key)) continue;
    const error = await roster.onCall(queries[key], 0, {}).catch((thrown: unknown) => thrown);
    expect(isProviderError(error) && { message: error.message, next: error.next }).toEqual(words[key]);
  }
});
