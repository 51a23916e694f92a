/** What every client of the AWS SDK is given: region, credentials, time-outs, and how often a read is tried. */

import type { Agent } from 'node:https';
import type { IAMClient, IAMClientConfig } from '@aws-sdk/client-iam';
import type { fromIni } from '@aws-sdk/credential-providers';
import { proxyAgent } from '../proxy.ts';
import { isOnThisMachine } from './aws-endpoint.ts';
import type { AwsSettings } from './aws-settings.ts';
import type { AdapterContext } from './directory.ts';

const READ_ATTEMPTS = 3;
/** A longer pause that AWS asks for is reported instead of waited for. */
const LONGEST_PAUSE_MS = 2_000;
const LONGEST_CONNECT_MS = 2_000;

type Credentials = ReturnType<typeof fromIni>;
type RetryStrategy = Extract<NonNullable<IAMClientConfig['retryStrategy']>, { refreshRetryTokenForRetry: unknown }>;

export type SharedConfig = {
  readonly region: string;
  readonly maxAttempts: number;
  readonly retryMode: string;
  readonly retryStrategy: RetryStrategy;
  readonly requestHandler: { connectionTimeout: number; requestTimeout: number; throwOnRequestTimeout: boolean; httpsAgent?: Agent };
  readonly logger: NonNullable<IAMClientConfig['logger']>;
  readonly credentials?: Credentials;
};

export async function sharedConfig(settings: AwsSettings, timeoutMs: number, context: AdapterContext): Promise<SharedConfig> {
  const agent = isOnThisMachine(settings) ? undefined : await proxyAgent();
  // The warning that the SDK will leave Node 20 is for whoever builds this, not for whoever is paged.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  // Only the policy names addresses: AWS_ENDPOINT_URL and endpoint_url in ~/.aws/config would send signed calls elsewhere, the session token in the clear.
  // By the environment, as the clients that the SDK makes for credentials (STS, SSO) hear of nothing else.
  process.env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS = 'true';
  const ignore = (): void => undefined;
  const bare: SharedConfig = {
    region: settings.region ?? 'us-east-1',
    // All three are written out, or AWS_MAX_ATTEMPTS, AWS_RETRY_MODE and ~/.aws/config would decide.
    maxAttempts: READ_ATTEMPTS,
    retryMode: 'standard',
    retryStrategy: shortPauses,
    // Without the last one the SDK only writes a line to the log when the time is over.
    requestHandler: {
      connectionTimeout: Math.min(LONGEST_CONNECT_MS, timeoutMs),
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      ...(agent && { httpsAgent: agent }),
    },
    logger: { trace: ignore, debug: ignore, info: ignore, error: ignore, warn: (line: unknown) => context.log(`${context.name}: ${line}`) },
  };
  const { profile, assumeRole } = settings.credentials ?? {};
  // Through a proxy the SDK's chain has to be told of it: what it calls by itself (SSO, STS) it calls without.
  if (profile === undefined && assumeRole === undefined && agent === undefined) return bare;
  let provider: Promise<Credentials> | undefined;
  const load = async (): Promise<Credentials> => {
    const { namedCredentials } = await import('./aws-credentials.ts');
    return namedCredentials(settings, bare);
  };
  return {
    ...bare,
    credentials: async (identity) => {
      provider ??= load();
      return (await provider)(identity);
    },
  };
}

/** The SDK's own strategy waits up to 13 s where it is told to; whoever waits here was paged. */
const shortPauses: RetryStrategy = {
  acquireInitialRetryToken: async () => retryToken(0, 0),
  refreshRetryTokenForRetry: async (last, { error, errorType, retryAfterHint }) => {
    const tried = last.getRetryCount() + 1;
    // The Identity Store may say it in the answer instead of its header.
    const inAnswer = Number((error as { readonly RetryAfterSeconds?: unknown } | undefined)?.RetryAfterSeconds ?? 0) * 1000;
    const askedMs = retryAfterHint ? retryAfterHint.getTime() - Date.now() : inAnswer;
    if (tried >= READ_ATTEMPTS || errorType === 'CLIENT_ERROR' || askedMs > LONGEST_PAUSE_MS) throw new Error('not again');
    const baseMs = errorType === 'THROTTLING' ? 400 : 100;
    return retryToken(tried, Math.max(askedMs, baseMs * 2 ** (tried - 1) * (0.75 + Math.random() / 2)));
  },
  recordSuccess: () => undefined,
};

function retryToken(count: number, delayMs: number) {
  return { getRetryCount: () => count, getRetryDelay: () => delayMs };
}

/** For the check of this host's clock: what the provider's said, read off every answer, refusals too. */
export function tellServerDate(client: { readonly middlewareStack: IAMClient['middlewareStack'] }, context: AdapterContext): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { readonly headers?: Readonly<Record<string, string>> };
      const date = Date.parse(headers?.date ?? '');
      if (!Number.isNaN(date)) context.onServerDate(date);
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'serverDate' },
  );
}
