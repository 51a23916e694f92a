/** Service accounts at a broker's door: each token that is not theirs is turned away and is in the audit; theirs acts as itself alone. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { machine } from '../fakes/issuer.ts';
import { role, rule, user } from '../operations/world.ts';
import { forgedMachineTokens, machineTokens } from '../sign-in/forged-machines.ts';
import { type BrokerWorld, type Reply, send, startBroker } from './world.ts';

let world: BrokerWorld;

beforeAll(async () => {
  const forMachine = role('migration', { allow: [rule({ kind: 'client', id: machine.id }, { name: 'migration.allow[0]' })] });
  const forPeople = role('db-admin', { allow: [rule(user(machine.name), { name: 'db-admin.allow[0]' })] });
  world = await startBroker({ company: { roles: [forMachine, forPeople] } });
  world.knobs.identities = [{ kind: 'oidc', settings: world.issuer.identity({ machines: { [machine.id]: machine.name } }) }];
});
afterAll(() => world.stop());

const call = (token: string, name: string, input: unknown = {}): Promise<Reply> =>
  send(world.port, {
    method: 'POST',
    path: `/v1/${name}`,
    headers: { host: `localhost:${world.port}`, 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(input),
  });
const refusals = async () => (await world.events()).filter(({ type }) => type === 'call.refused').length;

it('accepts those that are theirs, and none that is forged or misused; each refusal is in the audit', async () => {
  for (const { name, token } of machineTokens(world.forge)) expect([name, (await call(token, 'roles')).status]).toEqual([name, 200]);
  const accepted: string[] = [];
  for (const { name, token } of forgedMachineTokens(world.forge)) {
    const before = await refusals();
    const { status } = await call(token, 'roles');
    if (status !== 401) accepted.push(`${name}: ${status}`);
    expect([name, await refusals()]).toEqual([name, before + 1]);
  }
  expect(accepted).toEqual([]);
});

it('lets a service account explain what is for it, and keeps from it what is for people, and from people what is its own', async () => {
  const [own] = machineTokens(world.forge);
  const outcome = async (token: string, name: string) =>
    (await call(token, 'explain', { role: name, asked: { byDefault: true } })).body.result.decision.outcome;
  expect([await outcome(own?.token ?? '', 'migration'), await outcome(own?.token ?? '', 'db-admin')]).toEqual(['allow', 'deny']);
  expect(await outcome(world.token('maria'), 'migration')).toBe('deny');
});

it('turns away a service account that is blocked', async () => {
  world.knobs.blocked.push(machine.name);
  const [own] = machineTokens(world.forge);
  expect([401, 403]).toContain((await call(own?.token ?? '', 'roles')).status);
});
