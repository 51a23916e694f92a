/** Credentials that the policy names: a profile, an IAM role to assume, or both. A file of its own, as the SDK's chain needs none of it unless it goes through a proxy. */

import { fromIni, fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { endpointOf } from './aws-endpoint.ts';
import type { SharedConfig } from './aws-sdk.ts';
import type { AwsSettings } from './aws-settings.ts';

export function namedCredentials(
  settings: AwsSettings,
  { region, requestHandler, maxAttempts, retryMode, retryStrategy, logger }: SharedConfig,
) {
  const { profile, assumeRole } = settings.credentials ?? {};
  // Without a region: SSO has the one that the profile names, STS the caller's.
  const clientConfig = { requestHandler, maxAttempts, retryMode, retryStrategy };
  // That profile and no other: the SDK's chain would go on to the next source where it is missing.
  const source = profile === undefined ? fromNodeProviderChain({ clientConfig, logger }) : fromIni({ profile, clientConfig, logger });
  if (assumeRole === undefined) return source;
  const sts = endpointOf(settings.endpoint, 'sts');
  return fromTemporaryCredentials({
    params: {
      RoleArn: assumeRole.arn,
      RoleSessionName: assumeRole.sessionName ?? 'oncall',
      ...(assumeRole.externalId && { ExternalId: assumeRole.externalId }),
    },
    clientConfig: { ...clientConfig, region, ...(sts && { endpoint: sts }) },
    logger,
    masterCredentials: source,
  });
}
