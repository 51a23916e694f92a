/** The same work on all cores: chunks of seeds or of an exhaustive search, each to the next worker that is free. */

import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Results in the order of the tasks. */
export async function onAllCores<Task, Result>(tasks: readonly Task[], alone: (task: Task) => Promise<Result>): Promise<readonly Result[]> {
  const results: Result[] = [];
  const queue = tasks.entries();
  const cores = Math.min(availableParallelism(), tasks.length);
  if (cores <= 1) {
    for (const task of tasks) results.push(await alone(task));
    return results;
  }
  const worker = async (_: unknown, index: number): Promise<void> => {
    const child = fork(__filename, { env: { ...process.env, SIMULATION_WORKER: String(index + 1) } });
    for (const [index, task] of queue) results[index] = (await ask(child, task)) as Result;
    child.disconnect();
  };
  await Promise.all(Array.from({ length: cores }).map(worker));
  return results;
}

/** In a worker: answers what it is asked. */
export function serve<Task>(work: (task: Task) => Promise<unknown>): void {
  process.on('message', async (task: Task) => process.send?.(await work(task)));
}

export const isWorker = (): boolean => workerNumber() > 0;

/** 0: there are no workers. */
export const workerNumber = (): number => Number(process.env['SIMULATION_WORKER'] ?? 0);

/** So many numbers there are. */
export const workerNumbers = (): number => availableParallelism() + 1;

function ask(child: ChildProcess, task: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const died = (code: number | null): void => reject(new Error(`a worker ended with ${code}`));
    child.once('exit', died);
    child.once('message', (result) => {
      child.off('exit', died);
      resolve(result);
    });
    child.send(task as object);
  });
}
