/** How a service of AWS is called: in bounded time, reads tried again, writes sent once. */

import type { AddUserToGroupCommand, IAMClient } from '@aws-sdk/client-iam';
import { viaProxy } from '../proxy.ts';
import { type Attempt, toProviderError } from './aws-errors.ts';
import { type SharedConfig, sharedConfig, tellServerDate } from './aws-sdk.ts';
import type { AwsSettings } from './aws-settings.ts';
import { inTurns, turnsWithinMs } from './aws-turns.ts';
import { type AdapterContext, type Call, inTurn } from './directory.ts';

export type Send = { readonly abortSignal: AbortSignal };

/** A service and its client in the SDK. */
export type Service<C> = {
  /** As IAM policies spell it: `iam`. */
  readonly prefix: string;
  readonly wire: Attempt['wire'];
  /** In place of AWS's own address. */
  readonly endpoint: string | undefined;
  readonly host: string;
  readonly client: (config: ClientConfig) => C;
};

type ClientConfig = Omit<SharedConfig, 'requestHandler'> & {
  readonly requestHandler: SharedConfig['requestHandler'] | IAMClient['config']['requestHandler'];
  readonly endpoint?: string;
};

export type Calls<C> = {
  readonly read: <T extends Answer>(action: string, ask: (client: C, send: Send) => Promise<T>, call: Call) => Promise<T>;
  /** Resolves only when the service itself acknowledged it. Any command of the service's will do. */
  readonly write: (action: string, command: { readonly input: object }, call: Call) => Promise<void>;
  /** A read of another service, with the credentials and connections of this one. It takes no turn. */
  readonly aside: <T extends Answer>(action: string, ask: (send: Send) => Promise<T>, call: Call) => Promise<T>;
  /** Credentials come first and apart: what fails here has sent nothing, and the SDK would wait for them without an end. */
  readonly accessKey: (action: string, call: Call) => Promise<string>;
  /** For the client of another service. */
  readonly config: ClientConfig;
};

export type Answer = { readonly $metadata: { readonly requestId?: string | undefined } };
type Ask<T> = (send: Send, attempt: Attempt) => Promise<T>;
type Tools = {
  /** All that is used of a client is the same in every service; IAM's types stand for them. */
  readonly reader: IAMClient;
  readonly writer: IAMClient;
  readonly name: string;
  readonly timeoutMs: number;
  readonly via: string;
  readonly wire: Attempt['wire'];
};

export async function openCalls<C>(service: Service<C>, settings: AwsSettings, context: AdapterContext): Promise<Calls<C>> {
  const { prefix, wire, endpoint, host, client } = service;
  const timeoutMs = Number.parseInt(settings.timeout ?? '5s', 10) * 1000;
  const config = await sharedConfig(settings, timeoutMs, context);
  const reader = client({ ...config, ...(endpoint && { endpoint }) }) as IAMClient;
  // A second client, as how often a request is sent belongs to the client. It shares connections and credentials with the first.
  const { credentials, requestHandler } = reader.config;
  const writer = client({
    ...config,
    ...(endpoint && { endpoint }),
    maxAttempts: 1,
    retryStrategy: neverAgain,
    credentials,
    requestHandler,
  }) as IAMClient;
  for (const one of [reader, writer]) tellServerDate(one, context);
  const tools: Tools = { reader, writer, name: context.name, timeoutMs, via: viaProxy(endpoint ?? `https://${host}`), wire };
  return {
    read: (action, ask, call) =>
      read(tools, `${prefix}:${action}`, (send, attempt) => ask(inTurns(reader, call, attempt) as C, send), call),
    write: (action, command, call) => write(tools, `${prefix}:${action}`, command as AddUserToGroupCommand, call),
    aside: (action, ask, call) => read({ ...tools, wire: 'xml' }, action, ask, call),
    accessKey: (action, call) => accessKey(tools, action, call),
    config: { ...config, credentials, requestHandler },
  };
}

async function read<T extends Answer>(tools: Tools, action: string, ask: Ask<T>, call: Call): Promise<T> {
  await accessKey(tools, action, call);
  const budgetMs = 2 * tools.timeoutMs;
  const signal = within(call.turn ? budgetMs + turnsWithinMs : budgetMs, call);
  const attempt = attemptOf(tools, action, budgetMs);
  try {
    const answer = await ask({ abortSignal: signal }, attempt);
    acknowledged(answer, attempt);
    return answer;
  } catch (error) {
    throw toProviderError(error, { ...attempt, over: overBy(signal, call) });
  }
}

async function write(tools: Tools, action: string, command: AddUserToGroupCommand, call: Call): Promise<void> {
  // Before the write's own time runs: credentials may have to be fetched anew.
  await accessKey(tools, action, call);
  await inTurn(call, () => writeNow(tools, action, command, call));
}

async function writeNow(tools: Tools, action: string, command: AddUserToGroupCommand, call: Call): Promise<void> {
  const { reader, writer, timeoutMs } = tools;
  writer.config.systemClockOffset = reader.config.systemClockOffset;
  const signal = within(timeoutMs, call);
  let sent = false;
  let refusal: { readonly reason: unknown } | undefined;
  const gate = (): void => {
    try {
      call.beforeWrite?.();
    } catch (reason) {
      refusal = { reason };
      throw reason;
    }
    sent = true;
  };
  // Innermost: the request is signed, and nothing is awaited between this and the socket.
  command.middlewareStack.add(
    (next) => (args) => {
      gate();
      return next(args);
    },
    { step: 'deserialize', priority: 'low', name: 'gate' },
  );
  const attempt = attemptOf(tools, action, timeoutMs);
  try {
    acknowledged(await writer.send(command, { abortSignal: signal }), attempt);
  } catch (error) {
    if (refusal) throw refusal.reason;
    throw toProviderError(error, { ...attempt, sent, over: overBy(signal, call) });
  }
}

async function accessKey(tools: Tools, action: string, call: Call): Promise<string> {
  const budgetMs = 2 * tools.timeoutMs;
  const signal = within(budgetMs, call);
  try {
    return (await orAborted(tools.reader.config.credentials(), signal)).accessKeyId;
  } catch (error) {
    throw toProviderError(error, { ...attemptOf(tools, action, budgetMs), stage: 'credentials', over: overBy(signal, call) });
  }
}

/** The SDK takes any well-formed page with status 200 for a success without content; AWS's own answers all have a request id. */
function acknowledged(answer: Answer, attempt: Attempt): void {
  if (answer.$metadata.requestId) return;
  const { name, action } = attempt;
  throw Object.assign(new Error(`${name}: no request id in the answer to ${action}`), { $metadata: { httpStatusCode: 200 } });
}

const neverAgain = {
  acquireInitialRetryToken: async () => ({ getRetryCount: () => 0, getRetryDelay: () => 0 }),
  refreshRetryTokenForRetry: async (): Promise<never> => {
    throw new Error('a write is sent once');
  },
  recordSuccess: () => undefined,
};

function attemptOf({ name, via, wire }: Tools, action: string, timeoutMs: number): Attempt {
  return { name, action, stage: 'call', sent: false, timeoutMs, via, wire, over: undefined };
}

function within(ms: number, call: Call): AbortSignal {
  const late = AbortSignal.timeout(ms);
  return call.signal ? AbortSignal.any([late, call.signal]) : late;
}

function overBy(signal: AbortSignal, call: Call): Attempt['over'] {
  if (call.signal?.aborted) return 'stopped';
  return signal.aborted ? 'late' : undefined;
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
