/** `oncall ledger copy`: moves a team to another ledger, with everything that the one of before knows; that one takes no writes any more. */

import { count } from '../terminal/text.ts';
import { type Args, type Command, type Context, flag, type LedgerCopy, type Outcome, text, usage } from './command.ts';
import { labelled } from './lines.ts';

export const ledgerCopy: Command = {
  name: 'ledger copy',
  group: 'Operating',
  leavesNothing: true,
  summary: 'move to another ledger (PostgreSQL, or back)',
  options: [
    { flags: '--to <policy>', summary: 'the policy file of from then on, which names the other ledger', words: 'files' },
    { flags: '-n, --dry-run', summary: 'say what would be copied, change nothing' },
  ],
  examples: [
    ['oncall ledger copy --to /etc/oncall/next.yaml --dry-run', 'is everything ready'],
    ['oncall ledger copy --to /etc/oncall/next.yaml', 'the same policy but for its ledger'],
  ],
  notes:
    'For admins, as the user of the sweep. From its end on nothing is written to the ledger of before, whoever tries; the other one goes on where it was. It is safe to repeat: what was interrupted is finished. docs/operations.md has the steps.',
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const to = text(args, 'to');
  if (to === undefined) throw usage('--to is missing', 'oncall ledger copy --to FILE', 'it names the policy that names the other ledger');
  const copy = await context.copyLedger({ to, dryRun: flag(args, 'dryRun') });
  return {
    exit: 0,
    document: { ...copy },
    text: report(copy, context).join('\n'),
    brief: copy.result === 'would-copy' ? '' : copy.head.hash,
  };
}

const words: Record<LedgerCopy['result'], string> = {
  copied: 'copied',
  'already-copied': 'copied before, nothing was changed:',
  'would-copy': 'would copy',
};

function report({ result, from, to, policy, tables, activating, head }: LedgerCopy, context: Context): readonly string[] {
  const rows = tables.filter((table) => table.rows > 0).map((table) => `${table.rows} in ${table.name}`);
  const half = activating === 0 ? [] : [`${count(activating, 'grant')} half-way in: the next sweep ends or takes back what became of it`];
  const next = [
    `put ${policy} in the place of the policy of before, on every host`,
    'restart each broker at once: until then nobody gets in and nothing is ended',
    'oncall sweep, then oncall audit verify',
    `keep ${from} until then; nothing is written to it any more`,
  ];
  return [
    `${words[result]} ${from} to ${to}`,
    ...labelled('rows', [rows.length === 0 ? 'none yet' : rows.join(', ')], context),
    ...labelled('head', [head.seq === 0 ? 'no event yet' : `${head.hash} (event ${head.seq}; every hash was checked)`], context),
    ...labelled('note', half, context),
    ...(result === 'would-copy' ? [] : labelled('next', next, context)),
  ];
}
