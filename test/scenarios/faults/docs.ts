/** The pages of docs/errors.md, written from what the tool really prints. */

import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Row, Told } from './play.ts';
import { failures, type Provider } from './world.ts';

const path = resolve(import.meta.dirname, '../../../docs/errors.md');

/** The page of one provider as it stands in the document. */
export function written({ name }: Provider): string {
  const [, after = ''] = readFileSync(path, 'utf8').split(`## ${name}\n`);
  return after.split('\n## ')[0]?.trim() ?? '';
}

export function rewrite(provider: Provider, page: string): void {
  const [before = '', ...rest] = readFileSync(path, 'utf8').split(`## ${provider.name}\n`);
  const after = rest
    .join('')
    .split(/\n(?=## )/)
    .slice(1)
    .join('\n');
  writeFileSync(path, `${before.trimEnd()}\n\n## ${provider.name}\n\n${page}\n${after === '' ? '' : `\n${after}`}`);
}

export function pageOf(provider: Provider, rows: readonly Row[]): string {
  const isIssuer = rows.some(({ login }) => login !== undefined);
  const header = [
    `| what is wrong | \`oncall request\`${isIssuer ? ' and `login`' : ''} | what to do | exit | \`oncall sweep\` |`,
    '| --- | --- | --- | --- | --- |',
  ];
  return [...header, ...rows.map((row) => line(provider, row))].join('\n');
}

function line(provider: Provider, { failure, request, sweep, login }: Row): string {
  const tidy = (text = ''): string => tidied(text, provider);
  // What was asked for and that nothing was changed is the same for every directory.
  const because = ({ error, why = '' }: Told): string =>
    tidy(/^rule |was asked for /.test(why) ? error : `${error}: ${why}`).replace(/(you are not in \S+): \S+: /, '$1: ');
  const says = [...new Set([request, ...(login === undefined ? [] : [login])].map(because))].join('<br>');
  const after = sweep.out.includes('1 membership ended')
    ? 'ends what is due'
    : sweep.exit === 0
      ? 'tries again, exit 0'
      : 'tries again, exit 1';
  const next = tidy(request.next).replace(/; every rule: oncall explain \w+$/, '');
  return `| ${[provider.called?.[failure] ?? failures[failure], says, next, request.exit, after].join(' | ')} |`;
}

/** Addresses, folders and times of a test, as they would be anywhere; and whichever of two calls side by side came first. */
function tidied(text: string, { host }: Provider): string {
  return text
    .replace(/proxy 127\.0\.0\.1:\d+/g, 'proxy proxy.example.com:3128')
    .replace(/@127\.0\.0\.1:\d+/g, '@proxy.example.com:3128')
    .replace(/127\.0\.0\.1:\d+|nowhere\.invalid/g, host)
    .replace(/\/\S*\/(groups\.json|schedule\.yaml|our-roster|their-roster|secret)/g, '/etc/oncall/$1')
    .replace(/iam:Get(User|Group)\b/g, 'iam:GetUser')
    .replace(/identitystore:Get(User|Group)Id\b/g, 'identitystore:GetUserId')
    .replace(/within \d+ s/g, 'within … s')
    .replace(/123456789012/g, '111122223333')
    .replace(', "Internal Server Error"', '')
    .replace(/\n\s*/g, ' ')
    .replace(/\|/g, '\\|');
}
