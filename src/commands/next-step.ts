/** Commands to copy, in what is printed: they go by the same policy as the command that was typed. */

import type { Env } from '../terminal/io.ts';
import { commands } from './index.ts';

/** `policy`: the value of `--policy`. */
export function namingPolicy(policy: string | undefined, env: Env): (text: string) => string {
  if (policy === undefined || !isTyped(env)) return (text) => text;
  const names = [...new Set(commands.map(({ name }) => name.split(' ')[0]))].join('|');
  // A sign-in at a broker goes by no policy.
  const command = new RegExp(`\\boncall (?=(?:${names})\\b)(?!login https?:)(?![^;\\n]*--policy)`, 'g');
  const quoted = /^[\w./@%+=:,-]+$/.test(policy) ? policy : `'${policy.replaceAll("'", "'\\''")}'`;
  // By a function: `$&` in a path is no pattern.
  return (text) => text.replace(command, () => `oncall --policy ${quoted} `);
}

/** A script that `sudo` runs may have put the policy there (examples/bastion), and would take no second one. */
const isTyped = ({ SUDO_COMMAND = '' }: Env): boolean => !/^\S*\/oncall(\s|$)/.test(SUDO_COMMAND) || SUDO_COMMAND.includes('--policy');
