/** Requests of the AWS SDK in their turn: each one that it sends, those of its own later tries too. */

import type { GetUserCommand, IAMClient } from '@aws-sdk/client-iam';
import { type Attempt, toProviderError } from './aws-errors.ts';
import { type Call, inTurn } from './directory.ts';

/** At most that much of a read's time goes by waiting for its turns. */
export const turnsWithinMs = 60_000;

/** All that reads use of a client; any command stands for all of them. */
export function inTurns(client: IAMClient, call: Call, attempt: Attempt): IAMClient {
  if (!call.turn) return client;
  const send = (command: GetUserCommand, options: { readonly abortSignal: AbortSignal }) => {
    command.middlewareStack.add(
      (next) => async (args) => {
        let own: { readonly error: unknown } | undefined;
        const request = () =>
          next(args).catch((error: unknown): never => {
            own = { error };
            throw toProviderError(error, attempt);
          });
        return inTurn(call, request).catch((error: unknown): never => {
          // The SDK sees by its own errors whether to try again.
          throw own ? own.error : error;
        });
      },
      { step: 'finalizeRequest', priority: 'low', name: 'turn' },
    );
    return client.send(command, options);
  };
  return { send } as unknown as IAMClient;
}
