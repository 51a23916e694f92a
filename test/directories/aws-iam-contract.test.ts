import { afterAll, beforeAll, vi } from 'vitest';
import { directoryContract } from '../contracts/directory.ts';
import type { FaultProxy } from '../fakes/fault-proxy.ts';
import { type Moto, motoAccount, noMoto, startMoto } from '../fakes/moto.ts';
import { bareAwsEnv, iamWorld, pagedProxy, roleAdministrator } from './iam-world.ts';

let moto: Moto | undefined;
let proxy: FaultProxy | undefined;

beforeAll(async () => {
  for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
  moto = await startMoto();
  proxy = moto && (await pagedProxy(moto));
}, 60_000);
afterAll(async () => {
  vi.unstubAllEnvs();
  await proxy?.stop();
  await moto?.stop();
});

directoryContract(
  'aws-iam',
  () => {
    if (!moto || !proxy) throw new Error('moto did not start');
    return iamWorld(moto, proxy);
  },
  { skip: noMoto, user: 'maria.silva', otherUser: 'sam', group: 'db-admins', namesAreIds: false, twins: false, tellsAlready: false },
);

for (const [of, group] of [
  ['an IAM role', `arn:aws:iam::${motoAccount}:role/db-admin`],
  ['an IAM role with a path', `arn:aws:iam::${motoAccount}:role/ops/night/db-admin`],
] as const)
  directoryContract(
    `aws-iam, for ${of},`,
    () => {
      if (!moto || !proxy) throw new Error('moto did not start');
      return iamWorld(moto, proxy, roleAdministrator);
    },
    { skip: noMoto, user: 'maria.silva', otherUser: 'sam', group, namesAreIds: false, isIamRole: true, twins: false, tellsAlready: false },
  );
