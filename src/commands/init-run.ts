/** The course of `init`: part by part, each tried live before the next, and nothing written before all of it is known. */

import { OncallError } from '../errors.ts';
import type { Check } from '../operations/types.ts';
import type { Choice } from '../terminal/prompt.ts';
import { type Args, type Context, flag, type Outcome, text } from './command.ts';
import { type Ask, type Asker, asker, isEmpty, rehearse, requireAllUsed, requireForms } from './init-ask.ts';
import { directories, type Question, rosters } from './init-kinds.ts';
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

type Tried = <T>(answered: () => Promise<T>, check: (answers: T) => Promise<readonly Check[]>) => Promise<T>;

export async function run(args: Args, context: Context): Promise<Outcome> {
  const { prompts, globals } = context;
  requireForms(args, everyQuestion);
  const unchecked = flag(args, 'unchecked');
  if (prompts === undefined)
    await rehearse(args, { questions: everyQuestion, others: unchecked ? ['--unchecked'] : [] }, (ask) =>
      course(ask, (answered) => answered(), args, context),
    );
  const asking = asker(args, await prompts?.(), globals.yes, isEmpty);
  const round: Round = { ...asking, context, unverified: [], unchecked };
  const { draft, answers, policy, by } = await course(asking.ask, (answered, check) => tried(round, answered, check), args, context);
  requireAllUsed(round.unused());
  await confirmed(policy, draft.path, context);
  await draft.write(policy);
  return initOutcome({ draft, answers, by, unverified: round.unverified }, context);
}

const settingsOf = (kinds: typeof directories) => Object.values(kinds).flatMap(({ settings }) => settings);
const everyQuestion: readonly Question[] = [...Object.values(questions), ...settingsOf(directories), ...settingsOf(rosters)];

async function course(ask: Ask, tried: Tried, args: Args, { globals, draft: open }: Context) {
  const draft = await open(String(await ask(questions.output, globals.policy)));
  const ledger = String(await ask(questions.ledger));
  const admin = String(await ask(questions.admin));
  const at = await tried(
    () => directoryPart(ask, admin),
    ({ source, group, starter }) => draft.check({ directory: { ...source, group, admin, starter } }),
  );
  const on = await tried(
    () => rosterPart(ask, admin),
    async (part) => (part === undefined ? [] : draft.check({ roster: { ...part.source, starter: part.starter } })),
  );
  const proofs = { usual: at.kind.embedded && text(args, 'issuer') === undefined ? 'local' : 'oidc', admin } as const;
  const identity = await tried(
    () => identityPart(ask, proofs, at.kind),
    (part) => draft.check({ identity: part }),
  );
  const place = { file: draft.path, schema: draft.schema, settings: [...at.kind.settings, ...(on?.kind.settings ?? [])] };
  const answers = await tried(
    async (): Promise<Answers> => {
      const role = { ...(await rolePart(ask, at.group, on !== undefined)), group: at.group };
      return { admin, ledger, directory: at.source, roster: on?.source, identity, role };
    },
    (given) => draft.checkWhole(policyText(given, place), admin),
  );
  return { draft, answers, policy: policyText(answers, place), by: (await ask(questions.schedule)) as SweepBy };
}

/** Until every fault is corrected, or somebody goes on all the same. */
async function tried<T>(round: Round, answered: () => Promise<T>, check: (answers: T) => Promise<readonly Check[]>): Promise<T> {
  let answers = await answered();
  for (;;) {
    const known = round.unverified.map(keyOf);
    const checks = (await check(answers)).filter((one) => !known.includes(keyOf(one)));
    if (round.context.signal.aborted) throw new OncallError('interrupted', 'interrupted', { exit: 130 });
    // Who is on call and not in the directory is no fault of an answer.
    const faults = checks.filter(({ outcome, area }) => outcome === 'fault' && area !== 'identity');
    for (const one of checks) if (!faults.includes(one)) round.context.note(`${words[one.outcome]} ${lineOf(one)}`);
    if (faults.length === 0) return answers;
    const chosen = await decided(faults, round);
    if (chosen === 'go on') {
      round.unverified.push(...faults);
      return answers;
    }
    if (chosen === 'check again') continue;
    round.again(true);
    answers = await answered();
    round.again(false);
  }
}

const words: Record<Check['outcome'], string> = { ok: 'ok:', warning: 'warning:', fault: 'warning:', skipped: 'skipped:' };
const lineOf = ({ what, because, next }: Check): string => `${what}: ${because}${next === undefined ? '' : `; ${next}`}`;
const keyOf = ({ area, what }: Check): string => `${area} ${what}`;

type Decision = 'correct' | 'check again' | 'go on';

async function decided(faults: readonly Check[], { context, unchecked }: Round): Promise<Decision> {
  // A policy that says what none may say is not written, whoever wants it.
  const isText = faults.some(({ area }) => area === 'policy');
  if (unchecked && !isText) return 'go on';
  if (context.prompts === undefined) throw refusal(faults, isText ? '' : 'write it all the same: --unchecked');
  for (const { what, because, next } of faults) {
    context.say(`error: ${what} ${isText ? 'is not right' : 'does not pass its check'}\n  why:  ${because}\n  next: ${next ?? usualNext}`);
  }
  const choices: readonly Choice<Decision | 'stop'>[] = [
    { value: 'correct', name: 'correct the answers; Enter keeps one' },
    { value: 'check again', name: 'check again; it has been mended elsewhere' },
    ...(isText ? [] : [{ value: 'go on', name: 'go on all the same; the end says what was not verified' } as const]),
    { value: 'stop', name: 'stop; nothing is written' },
  ];
  const chosen = await (await context.prompts()).select('What now?', choices);
  if (chosen === 'stop') throw refusal(faults, '');
  return chosen;
}

const usualNext = 'correct the answer';

function refusal(faults: readonly Check[], orElse: string): OncallError {
  const [first] = faults;
  const isText = faults.some(({ area }) => area === 'policy');
  const next = first?.next ?? usualNext;
  // A command stands last: all of it is copied.
  const [one, other] = next.includes('$ ') ? [orElse, next] : [next, orElse];
  const message = `nothing was written: ${first?.what} ${isText ? 'is not right' : 'does not pass its check'}`;
  return new OncallError(isText ? 'not-a-policy' : 'not-verified', message, {
    exit: isText ? 2 : 1,
    why: faults.map(({ what, because }) => (faults.length === 1 ? because : `${what}: ${because}`)).join('; '),
    next: orElse === '' ? next : `${one}; or ${other}`,
  });
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
