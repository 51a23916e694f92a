/**
 * IAM, and STS where no ARN tells which account this is. The SDK is imported here and not in `aws-iam.ts`,
 * so that reading a policy does not load it; and by name, so that only the commands in use are bundled.
 */

import {
  type AddUserToGroupCommand,
  type DeleteUserPolicyCommand,
  IAMClient,
  type PutUserPolicyCommand,
  type RemoveUserFromGroupCommand,
} from '@aws-sdk/client-iam';
import { ProviderError } from '../errors.ts';
import { type Calls, openCalls } from './aws-client.ts';
import { endpointOf } from './aws-endpoint.ts';
import type { Settings } from './aws-iam.ts';
import type { AdapterContext, Call } from './directory.ts';

type Write = AddUserToGroupCommand | DeleteUserPolicyCommand | PutUserPolicyCommand | RemoveUserFromGroupCommand;

export type Iam = Pick<Calls<IAMClient>, 'read'> & {
  /** Resolves only when IAM itself acknowledged it. */
  readonly write: (action: string, command: Write, call: Call) => Promise<void>;
  /** The account that the credentials belong to; asked once for each access key. */
  readonly account: (call: Call) => Promise<string>;
};

export async function connect(settings: Settings, context: AdapterContext): Promise<Iam> {
  const [endpoint, sts] = [endpointOf(settings.endpoint, 'iam'), endpointOf(settings.endpoint, 'sts')];
  const calls = await openCalls(
    { prefix: 'iam', wire: 'xml', endpoint, host: 'iam.amazonaws.com', client: (config) => new IAMClient(config) },
    settings,
    context,
  );
  const accounts = new Map<string, string>();
  return {
    read: calls.read,
    write: calls.write,
    account: async (call) => {
      const key = await calls.accessKey('sts:GetCallerIdentity', call);
      const known = accounts.get(key);
      if (known !== undefined) return known;
      const { callerIdentity } = await import('./aws-iam-account.ts');
      const ask = callerIdentity({ ...calls.config, ...(sts && { endpoint: sts }) }, context);
      const { Account } = await calls.aside('sts:GetCallerIdentity', ask, call);
      if (Account === undefined)
        throw new ProviderError(context.name, 'malformed', 'AWS did not say which account the credentials belong to', { applied: 'no' });
      accounts.set(key, Account);
      return Account;
    },
  };
}
