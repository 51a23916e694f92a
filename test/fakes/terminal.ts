/** A person at a real terminal, which script(1) makes: types each text when what stands before it has appeared. */

import { spawn, spawnSync } from 'node:child_process';

export const hasScript = spawnSync('script', ['--version']).status === 0;

/** For the name of what needs one. */
export const scriptMissing = hasScript ? '' : ' (skipped: there is no script(1) here to make one)';

export type Typed = readonly (readonly [appears: string, types: string])[];

type At = { readonly command: string; readonly columns: number; readonly cwd: string | undefined; readonly env: NodeJS.ProcessEnv };

/** What it has shown, without what moves the cursor and colours it. */
export function onTerminal({ command, columns, cwd, env }: At, typed: Typed) {
  const child = spawn('script', ['-qefc', `stty cols ${columns}; ${command}`, '/dev/null'], { cwd, env });
  const left = [...typed];
  let [out, seen] = ['', 0];
  child.stdout.on('data', (chunk) => {
    out += chunk;
    const [next] = left;
    if (next === undefined || !out.slice(seen).includes(next[0])) return;
    left.shift();
    seen = out.length;
    child.stdin.write(next[1]);
  });
  return new Promise<{ exit: number | null; out: string }>((done, fail) => {
    child.on('error', fail);
    child.on('close', (exit) => done({ exit, out: out.replaceAll(/\u001b\[[\d;?]*[A-Za-z]/g, '').replaceAll('\r', '') }));
  });
}
