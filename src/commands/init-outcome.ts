/** What `init` says once the policy is there: what was not verified, what comes next, and what runs the sweep. */

import type { Check } from '../operations/types.ts';
import type { Context, Draft, Outcome } from './command.ts';
import type { Answers } from './init-policy.ts';
import { quoted, type SweepBy, sweepText } from './init-sweep.ts';
import { labelled } from './lines.ts';

type Written = { readonly draft: Draft; readonly answers: Answers; readonly by: SweepBy; readonly unverified: readonly Check[] };

export function initOutcome({ draft, answers, by, unverified }: Written, context: Context): Outcome {
  const { admin, directory, roster, identity, role } = answers;
  const command = (words: string): string => `oncall --policy ${quoted(draft.path)} ${words}`;
  const before = [...new Set(unverified.flatMap(({ next }) => (next === undefined ? [] : [next])))];
  // The name of a user of this host is no e-mail.
  const asWho = identity['kind'] === 'local' ? `ONCALL_USER=${quoted(admin)} ` : '';
  const steps = [
    [command('sweep'), 'first, as the user who sweeps'],
    [command('doctor'), 'looks at all of it'],
    ...(identity['kind'] === 'local' ? [] : [[command('login'), 'everybody, once']]),
    [`${asWho}${command(`request ${role.name}`)}`, roster === undefined ? 'asks, and waits for a yes' : 'whoever is on call is in'],
  ] as const;
  const variables = [directory, ...(roster === undefined ? [] : [roster])].flatMap(({ settings }) => variablesIn(settings));
  const sweep = sweepText(by, draft, variables);
  const sources = [directory.name, ...(roster === undefined ? [] : [roster.name])].join(' and ');
  const lines = [
    `${draft.path} is written: ${role.name} in ${sources}; policy check passes it`,
    ...labelled(
      'not verified',
      unverified.map(({ what, because }) => `${what}: ${because}`),
      context,
    ),
    ...labelled(
      'next',
      [
        ...before,
        ...steps.map(([typed, what]) => `${typed}    ${what}`),
        `to leave --policy out: export ONCALL_POLICY=${quoted(draft.path)}`,
      ],
      // To be copied: a line break of ours would end a command.
      { screen: { ...context.screen, width: Number.POSITIVE_INFINITY } },
    ),
    ...(sweep === '' ? [] : ['', sweep]),
  ];
  const document = { policy: draft.path, unverified, next: steps.map(([typed]) => typed), sweep: { by, text: sweep, variables } };
  return { exit: 0, document, text: lines.join('\n'), brief: draft.path };
}

const variablesIn = (settings: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.values(settings).flatMap((value) => (typeof value === 'object' && value !== null && 'env' in value ? [String(value.env)] : []));
