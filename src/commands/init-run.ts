/** The course of `init`: part by part, each tried live before the next, and nothing written before all of it is known. */

import { OncallError } from '../errors.ts';
import type { Check } from '../operations/types.ts';
import { type Args, type Context, flag, type Outcome, text, usage } from './command.ts';
import { type Asker, asker } from './init-ask.ts';
import { initOutcome } from './init-outcome.ts';
import { directoryPart, identityPart, rolePart, rosterPart } from './init-parts.ts';
import { type Answers, policyText } from './init-policy.ts';
import { questions } from './init-questions.ts';
import type { SweepBy } from './init-sweep.ts';

type Round = Asker & {
  readonly context: Context;
  /** Written all the same, and said at the end. */
  readonly unverified: Check[];
  readonly unchecked: boolean;
};

export async function run(args: Args, context: Context): Promise<Outcome> {
  const asking = asker(args, await context.prompts?.(), context.globals.yes);
  const { ask } = asking;
  const round: Round = { ...asking, context, unverified: [], unchecked: flag(args, 'unchecked') };
  const draft = await context.draft(String(await ask(questions.output, context.globals.policy)));
  const ledger = String(await ask(questions.ledger));
  const admin = String(await ask(questions.admin));

  const at = await tried(
    round,
    () => directoryPart(ask),
    ({ source, group }) => draft.check({ directory: { ...source, group, admin } }),
  );
  const on = await tried(
    round,
    () => rosterPart(ask),
    async (part) => (part === undefined ? [] : draft.check({ roster: { ...part.source, ...part.schedule } })),
  );
  const proofs = { usual: at.kind.embedded && text(args, 'issuer') === undefined ? 'local' : 'oidc', admin } as const;
  const identity = await tried(
    round,
    () => identityPart(ask, proofs, at.kind),
    (part) => draft.check({ identity: part }),
  );
  const place = { file: draft.path, schema: draft.schema, settings: [...at.kind.settings, ...(on?.kind.settings ?? [])] };
  const answers = await tried(
    round,
    async (): Promise<Answers> => {
      const role = { ...(await rolePart(ask, at.group, on !== undefined)), group: at.group, onCall: on?.schedule.schedule };
      return { admin, ledger, directory: at.source, roster: on?.source, identity, role };
    },
    (given) => draft.checkWhole(policyText(given, place), admin),
  );
  const by = (await ask(questions.schedule)) as SweepBy;
  requireAllUsed(round.unused());
  const policy = policyText(answers, place);
  await confirmed(policy, draft.path, context);
  await draft.write(policy);
  return initOutcome({ draft, answers, by, unverified: round.unverified }, context);
}

/** Until every fault is corrected, or somebody goes on all the same. */
async function tried<T>(round: Round, answered: () => Promise<T>, check: (answers: T) => Promise<readonly Check[]>): Promise<T> {
  for (let again = false; ; again = true) {
    round.again(again);
    const answers = await answered();
    const known = round.unverified.map(keyOf);
    const checks = (await check(answers)).filter((one) => !known.includes(keyOf(one)));
    if (round.context.signal.aborted) throw new OncallError('interrupted', 'interrupted', { exit: 130 });
    // Who is on call and not in the directory is no fault of an answer.
    const faults = checks.filter(({ outcome, area }) => outcome === 'fault' && area !== 'identity');
    for (const one of checks) if (!faults.includes(one)) round.context.note(`${words[one.outcome]} ${lineOf(one)}`);
    if (faults.length === 0) return answers;
    if ((await decided(faults, round)) === 'correct') continue;
    round.unverified.push(...faults);
    return answers;
  }
}

const words: Record<Check['outcome'], string> = { ok: 'ok:', warning: 'warning:', fault: 'warning:', skipped: 'skipped:' };
const lineOf = ({ what, because, next }: Check): string => `${what}: ${because}${next === undefined ? '' : `; ${next}`}`;
const keyOf = ({ area, what }: Check): string => `${area} ${what}`;

async function decided(faults: readonly Check[], { context, unchecked }: Round): Promise<'correct' | 'go on'> {
  // A policy that says what none may say is not written, whoever wants it.
  const isText = faults.some(({ area }) => area === 'policy');
  if (unchecked && !isText) return 'go on';
  if (context.prompts === undefined) throw refusal(faults, isText ? '' : '; or write it all the same: --unchecked');
  for (const { what, because, next } of faults) {
    context.say(`error: ${what} ${isText ? 'is not right' : 'does not pass its check'}\n  why:  ${because}\n  next: ${next ?? usualNext}`);
  }
  const choices = [
    { value: 'correct', name: 'correct the answers' },
    ...(isText ? [] : [{ value: 'go on', name: 'go on all the same; the end says what was not verified' }]),
    { value: 'stop', name: 'stop; nothing is written' },
  ];
  const chosen = await (await context.prompts()).select('What now?', choices);
  if (chosen === 'stop') throw refusal(faults, '');
  return chosen === 'go on' ? chosen : 'correct';
}

const usualNext = 'correct the answer';

function refusal(faults: readonly Check[], orElse: string): OncallError {
  const [first] = faults;
  const isText = faults.some(({ area }) => area === 'policy');
  const message = `nothing was written: ${first?.what} ${isText ? 'is not right' : 'does not pass its check'}`;
  return new OncallError(isText ? 'not-a-policy' : 'not-verified', message, {
    exit: isText ? 2 : 1,
    why: faults.map(({ what, because }) => (faults.length === 1 ? because : `${what}: ${because}`)).join('; '),
    next: `${first?.next ?? usualNext}${orElse}`,
  });
}

function requireAllUsed(unused: readonly string[]): void {
  if (unused.length === 0) return;
  const why =
    'it belongs to another kind of directory, roster or identity than the one that was chosen, or to approvers where there are none';
  throw usage(`${unused.join(', ')} means nothing here, so nothing was written`, `leave ${unused.length === 1 ? 'it' : 'them'} out`, why);
}

async function confirmed(policy: string, path: string, { prompts, globals, say }: Context): Promise<void> {
  if (prompts === undefined || globals.yes) return;
  say(`\n${policy}`);
  const choices = [
    { value: true, name: 'yes' },
    { value: false, name: 'no; nothing is written' },
  ];
  if (await (await prompts()).select(`Write this to ${path}?`, choices)) return;
  throw new OncallError('not-written', 'nothing was written', { why: 'you chose so', next: 'oncall init' });
}
