/**
 * How IAM is called: in bounded time, reads tried again, writes sent once. The SDK is imported here and not in `aws-iam.ts`,
 * so that reading a policy does not load it; and by name, so that only the commands in use are bundled.
 */

import { type AddUserToGroupCommand, IAMClient, type RemoveUserFromGroupCommand } from '@aws-sdk/client-iam';
import { ProviderError } from '../errors.ts';
import { viaProxy } from '../proxy.ts';
import type { Settings } from './aws-iam.ts';
import { type Attempt, toProviderError } from './aws-iam-errors.ts';
import { endpointsOf, sharedConfig, tellServerDate } from './aws-iam-sdk.ts';
import { inTurns, turnsWithinMs } from './aws-iam-turns.ts';
import { type AdapterContext, type Call, inTurn } from './directory.ts';

export type Send = { readonly abortSignal: AbortSignal };

type Write = AddUserToGroupCommand | RemoveUserFromGroupCommand;

export type Iam = {
  readonly read: <T extends Answer>(action: string, ask: (client: IAMClient, send: Send) => Promise<T>, call: Call) => Promise<T>;
  /** Resolves only when IAM itself acknowledged it. */
  readonly write: (action: string, command: Write, call: Call) => Promise<void>;
  /** The account that the credentials belong to; asked once for each access key. */
  readonly account: (call: Call) => Promise<string>;
};

type Answer = { readonly $metadata: { readonly requestId?: string | undefined } };
type Tools = {
  readonly reader: IAMClient;
  readonly writer: IAMClient;
  readonly name: string;
  readonly timeoutMs: number;
  readonly via: string;
};

export async function connect(settings: Settings, timeoutMs: number, context: AdapterContext): Promise<Iam> {
  const config = await sharedConfig(settings, timeoutMs, context);
  const { iam, sts } = endpointsOf(settings);
  const reader = new IAMClient({ ...config, ...(iam && { endpoint: iam }) });
  // A second client, as how often a request is sent belongs to the client. It shares connections and credentials with the first.
  const { credentials, requestHandler } = reader.config;
  const writer = new IAMClient({
    ...config,
    ...(iam && { endpoint: iam }),
    maxAttempts: 1,
    retryStrategy: neverAgain,
    credentials,
    requestHandler,
  });
  for (const client of [reader, writer]) tellServerDate(client, context);
  const tools: Tools = { reader, writer, name: context.name, timeoutMs, via: viaProxy(iam ?? 'https://iam.amazonaws.com') };
  const accounts = new Map<string, string>();
  return {
    read: (action, ask, call) => read(tools, `iam:${action}`, (send, attempt) => ask(inTurns(reader, call, attempt), send), call),
    write: (action, command, call) => write(tools, `iam:${action}`, command, call),
    account: async (call) => {
      const key = await accessKey(tools, 'sts:GetCallerIdentity', call);
      const known = accounts.get(key);
      if (known !== undefined) return known;
      const { callerIdentity } = await import('./aws-iam-account.ts');
      const { Account } = await read(
        tools,
        'sts:GetCallerIdentity',
        callerIdentity({ ...config, credentials, requestHandler, ...(sts && { endpoint: sts }) }, context),
        call,
      );
      if (Account === undefined)
        throw new ProviderError(context.name, 'malformed', 'AWS did not say which account the credentials belong to', { applied: 'no' });
      accounts.set(key, Account);
      return Account;
    },
  };
}

type Ask<T> = (send: Send, attempt: Attempt) => Promise<T>;

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

async function write(tools: Tools, action: string, command: Write, call: Call): Promise<void> {
  // Before the write's own time runs: credentials may have to be fetched anew.
  await accessKey(tools, action, call);
  await inTurn(call, () => writeNow(tools, action, command, call));
}

async function writeNow(tools: Tools, action: string, command: Write, call: Call): Promise<void> {
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
    acknowledged(await writer.send(command as AddUserToGroupCommand, { abortSignal: signal }), attempt);
  } catch (error) {
    if (refusal) throw refusal.reason;
    throw toProviderError(error, { ...attempt, sent, over: overBy(signal, call) });
  }
}

/** Credentials come first and apart: what fails here has sent nothing, and the SDK would wait for them without an end. */
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

function attemptOf(tools: Tools, action: string, timeoutMs: number): Attempt {
  return { name: tools.name, action, stage: 'call', sent: false, timeoutMs, via: tools.via, over: undefined };
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
