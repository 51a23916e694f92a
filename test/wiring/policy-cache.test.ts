import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../src/policy/parse.ts';
import { allKinds } from '../../src/wiring/load-policy.ts';
import { type ParsedPolicy, policyCache } from '../../src/wiring/policy-cache.ts';
import { scratch } from './scratch.ts';

const policy = {
  path: '/p/oncall.yaml',
  roles: { 'db-admin': {} },
  directories: {},
  rosters: {},
  people: { 'a@acme.dev': { local: 'a' } },
};
const parsed = { policy, embedded: true, issues: [] } as unknown as ParsedPolicy;
const asRoot = process.geteuid?.() === 0;

function world() {
  const home = scratch();
  const folder = join(home, '.cache/oncall');
  const cache = (more: { path?: string; digest?: string; env?: Record<string, string>; build?: string } = {}) =>
    policyCache(
      { path: more.path ?? '/p/oncall.yaml', digest: more.digest ?? 'd1', env: more.env ?? { HOME: home } },
      more.build ?? 'build-1',
    );
  const file = () => join(folder, readdirSync(folder)[0] ?? '');
  return { home, folder, file, cache };
}

describe('a remembered policy', () => {
  it('comes back for the same bytes, path and build', () => {
    const { cache } = world();
    expect(cache().read()).toBeUndefined();
    cache().write(parsed);
    expect(cache().read()).toEqual(parsed);
  });

  it('finds only what the policy names, not what every object has', () => {
    const { cache } = world();
    cache().write(parsed);
    const { roles, people } = cache().read()?.policy ?? {};
    const inherited = 'constructor';
    expect(roles?.[inherited]).toBeUndefined();
    expect(people?.['a@acme.dev']?.[inherited]).toBeUndefined();
  });

  it('comes back as it was parsed, whatever the policy says', async () => {
    const text = `version: 1
ledger: ./oncall.db
admins: [{ user: [boss@acme.dev] }]
sweep: { refuseWhenLate: 20m }
people: { maria@acme.dev: { aws-prod: maria.silva } }
blocked: [eve@acme.dev]
directories:
  local: { path: ./groups.json, exclusive: [migrators] }
  aws-prod: { kind: aws-iam, account: '111122223333', endpoint: http://127.0.0.1:5000, userName: local-part }
rosters:
  file: { path: ./schedule.yaml }
  pagerduty: { token: { env: PAGERDUTY_TOKEN }, timeout: 3s }
conditions:
  office: { during: { days: [mon, fri], from: '09:00', to: '17:00', zone: Europe/Berlin } }
roles:
  db-admin:
    targets: { local: db-admins, aws-prod: [db-admins, db-readers] }
    deny: [{ user: mallory@acme.dev }]
    allow: [{ onCall: pagerduty/PDB1234, levels: [1], until: shift }, { incident: file, severities: [major], until: incident }]
    ask: [office, { not: { member: local/contractors } }]
    approvers: [{ member: local/leads }]
  migration: { targets: { local: migrators }, maxHolders: 1, allow: [{ member: local/platform }] }
`;
    const kinds = await allKinds();
    const { policy: whole, issues } = parsePolicy(text, { path: '/p/oncall.yaml', digest: 'd1', kinds });
    expect(issues.filter((issue) => issue.severity === 'error')).toEqual([]);
    if (whole === undefined) throw new Error('no policy');
    const { cache } = world();
    cache().write({ policy: whole, embedded: false, issues });
    expect(cache().read()).toEqual({ policy: whole, embedded: false, issues });
  });

  it.each([{ digest: 'd2' }, { path: '/q/oncall.yaml' }, { build: 'build-2' }])('does not come back for other %o', (other) => {
    const { cache } = world();
    cache().write(parsed);
    expect(cache(other).read()).toBeUndefined();
  });

  it('does not come back for another path whose entry was copied over', () => {
    const { cache, file, folder } = world();
    cache().write(parsed);
    const bytes = readFileSync(file());
    cache({ path: '/q/oncall.yaml' }).write(parsed);
    for (const name of readdirSync(folder)) writeFileSync(join(folder, name), bytes);
    expect(cache({ path: '/q/oncall.yaml' }).read()).toBeUndefined();
  });

  it('is for the running user alone, in one file that the next version takes the place of', () => {
    const { cache, folder, file } = world();
    cache().write(parsed);
    cache({ digest: 'd2' }).write(parsed);
    expect(readdirSync(folder)).toHaveLength(1);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('is not believed where others may write to the file or its folder', () => {
    const { cache, folder, file } = world();
    cache().write(parsed);
    chmodSync(file(), 0o666);
    expect(cache().read()).toBeUndefined();
    chmodSync(file(), 0o600);
    expect(cache().read()).toEqual(parsed);
    chmodSync(folder, 0o777);
    expect(cache().read()).toBeUndefined();
  });

  it.runIf(asRoot)("is neither believed nor written by root below a home that is somebody else's", () => {
    const { cache, home, folder } = world();
    cache().write(parsed);
    chownSync(home, 54_321, 54_321);
    expect(cache().read()).toBeUndefined();
    const other = join(home, 'other');
    mkdirSync(other);
    cache({ env: { HOME: home, XDG_CACHE_HOME: other } }).write(parsed);
    expect(readdirSync(other)).toEqual([]);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('just means parsing where it is broken', () => {
    const { cache, file } = world();
    cache().write(parsed);
    writeFileSync(file(), '{"key":');
    expect(cache().read()).toBeUndefined();
  });

  it('does not make a home that is missing', () => {
    const { cache, home } = world();
    const nowhere = cache({ env: { HOME: join(home, 'a/b') } });
    expect(() => nowhere.write(parsed)).not.toThrow();
    expect(nowhere.read()).toBeUndefined();
    expect(readdirSync(home)).toEqual([]);
  });

  it('is left alone when run from source', () => {
    const home = scratch();
    const cache = policyCache({ path: '/p', digest: 'd', env: { HOME: home } });
    cache.write(parsed);
    expect(readdirSync(home)).toEqual([]);
    expect(cache.read()).toBeUndefined();
  });
});
