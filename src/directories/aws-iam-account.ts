/** Asks STS which account the credentials belong to. A file of its own, as it is needed only where no ARN tells. */

import { GetCallerIdentityCommand, STSClient, type STSClientConfig } from '@aws-sdk/client-sts';
import type { Send } from './aws-client.ts';
import { tellServerDate } from './aws-sdk.ts';
import type { AdapterContext } from './directory.ts';

export function callerIdentity(config: STSClientConfig, context: AdapterContext) {
  const client = new STSClient(config);
  tellServerDate(client as never, context);
  return (send: Send) => client.send(new GetCallerIdentityCommand({}), send);
}
