/** Turns a reference to a secret into the secret, at the moment it is used. The value is in no message and no log. */

import { isAbsolute, resolve } from 'node:path';
import { OncallError } from './errors.ts';
import type { SecretRef } from './policy/types.ts';

/** For adapters' settings. */
export { secretRef } from './policy/secret-ref.ts';

export type SecretContext = {
  /** Relative files, and commands, start from this folder (the policy file's). */
  readonly baseDir: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
};

const maxBytes = 64 * 1024;

/** `what` names the secret for people: `the token of rosters.pagerduty`. */
export async function resolveSecret(ref: SecretRef, what: string, context: SecretContext): Promise<string> {
  const value =
    'env' in ref
      ? fromEnv(ref.env, what, context)
      : 'file' in ref
        ? await fromFile(ref.file, what, context)
        : await fromCommand(ref.command, what, context);
  const secret = value.replace(/[\r\n]+$/, '');
  if (secret !== '') return secret;
  throw missing(what, `${describe(ref)} gives an empty text`, 'put the secret there');
}

function describe(ref: SecretRef): string {
  // Arguments of a command are left out: some people put keys there.
  return 'env' in ref ? `the variable ${ref.env}` : 'file' in ref ? `the file ${ref.file}` : `the command ${ref.command[0]}`;
}

function missing(what: string, why: string, next: string): OncallError {
  return new OncallError('secret-missing', `${what} cannot be read`, { why, next });
}

function fromEnv(name: string, what: string, context: SecretContext): string {
  const value = (context.env ?? process.env)[name];
  if (value === undefined) throw missing(what, `the variable ${name} is not set`, `set ${name}, or name another source in the policy`);
  return value;
}

async function fromFile(file: string, what: string, context: SecretContext): Promise<string> {
  const path = isAbsolute(file) ? file : resolve(context.baseDir, file);
  const { constants, open } = await import('node:fs/promises');
  // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? `${path} does not exist` : `${path} cannot be opened (${error.code})`;
    throw missing(what, why, 'create it with mode 600, owned by whoever runs oncall');
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw missing(what, `${path} is not a plain file`, 'name a file that holds the secret and nothing else');
    if (process.platform !== 'win32' && (stat.mode & 0o006) !== 0) {
      throw new OncallError('secret-exposed', `${what} is open to every user of this host`, {
        why: `${path} has mode ${(stat.mode & 0o777).toString(8)}`,
        next: `chmod 600 ${path}`,
      });
    }
    if (stat.size > maxBytes)
      throw missing(what, `${path} has more than ${maxBytes} bytes`, 'name a file that holds the secret and nothing else');
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

async function fromCommand(command: readonly string[], what: string, context: SecretContext): Promise<string> {
  const [program = '', ...rest] = command;
  const timeoutMs = context.timeoutMs ?? 10_000;
  const { execFile } = await import('node:child_process');
  return new Promise((done, fail) => {
    const options = {
      cwd: context.baseDir,
      timeout: timeoutMs,
      killSignal: 'SIGKILL' as const,
      maxBuffer: maxBytes,
      windowsHide: true,
      signal: context.signal,
    };
    const child = execFile(program, rest, options, (error, stdout) => {
      if (error === null) return done(stdout);
      // Neither the error nor its text goes on: both repeat the arguments and what the command printed.
      const code = String(error.code ?? '');
      const why =
        code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER'
          ? `${program} printed more than ${maxBytes} bytes`
          : code === 'ENOENT'
            ? `${program} was not found`
            : error.killed
              ? `${program} was not done within ${timeoutMs / 1000} s`
              : `${program} failed (${code || error.name})`;
      fail(missing(what, why, `run ${program} as the user that runs oncall and see what it says`));
    });
    child.stdin?.end();
  });
}
