/** How `init` comes to its answers: from a flag, from a person at a terminal, or from what is usual. */

import type { Prompts } from '../terminal/prompt.ts';
import { type Args, usage } from './command.ts';
import type { Question } from './init-kinds.ts';
import { quoted } from './init-sweep.ts';

export type Ask = (question: Question, start?: string) => Promise<unknown>;

export type Asker = {
  /** What stands in the policy; `undefined` where nothing was answered to what is optional. */
  readonly ask: Ask;
  /** Whether from now on everything is asked once more, beside what was answered before. */
  readonly again: (isAgain: boolean) => void;
  /** Flags that nothing asked for. */
  readonly unused: () => readonly string[];
};

const flagOf = ({ flags }: Question): string => flags.split(' ')[0] ?? '';
const optionOf = (question: Question): string =>
  flagOf(question)
    .slice(2)
    .replace(/-./g, (part) => part.slice(1).toUpperCase());
const flagNamed = (option: string): string => `--${option.replace(/[A-Z]/g, (big) => `-${big.toLowerCase()}`)}`;

const given = ({ options }: Args): readonly (readonly [option: string, typed: string])[] =>
  Object.entries(options).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as const] : []));

/** `lacks` is told of what has no answer where nobody can be asked. */
export function asker(args: Args, prompts: Prompts | undefined, yes: boolean, lacks: (question: Question) => void): Asker {
  const answers = new Map(given(args));
  const flags = new Set<string>();
  let isAgain = false;

  const ask: Ask = async (question, start = question.start) => {
    const name = optionOf(question);
    flags.add(name);
    const before = answers.get(name);
    const isAsked = prompts !== undefined && question.ask !== undefined;
    const isUsual = start !== undefined || question.optional === true;
    const asks = isAsked && (isAgain || (before === undefined && !(yes && isUsual)));
    const typed = (asks ? await askPerson(question, before ?? start, prompts) : (before ?? start ?? '')).trim();
    if (typed !== '') answers.set(name, typed);
    else answers.delete(name);
    if (typed === '' && !question.optional) lacks(question);
    return typed === '' ? undefined : readOf(question, typed);
  };
  return {
    ask,
    again: (wanted) => {
      isAgain = wanted;
    },
    unused: () => [...answers.keys()].filter((name) => !flags.has(name)).map(flagNamed),
  };
}

function askPerson(question: Question, start: string | undefined, prompts: Prompts): Promise<string> {
  const { ask = '', choices, optional } = question;
  if (choices !== undefined) {
    const listed = Object.entries(choices).map(([value, name]) => ({ value, name }));
    return prompts.select(ask, listed, start);
  }
  const check = (typed: string): string | undefined => {
    if (typed.trim() === '') return optional ? undefined : 'an answer is needed; Ctrl-C leaves without writing anything';
    return faultOf(question, typed.trim());
  };
  // Enter alone would keep it for ever.
  const way = optional && start !== undefined ? `${ask} Backspace takes this out:` : ask;
  return prompts.input(way, check, start);
}

function faultOf({ choices, read }: Question, typed: string): string | undefined {
  if (choices !== undefined && !Object.hasOwn(choices, typed)) return `choose among ${Object.keys(choices).join(', ')}`;
  const answer = read?.(typed);
  return answer !== undefined && 'fault' in answer ? answer.fault : undefined;
}

function readOf({ read }: Question, typed: string): unknown {
  const answer = read?.(typed) ?? { value: typed };
  return 'value' in answer ? answer.value : undefined;
}

/** Before the first question: whoever typed one wrongly should not hear of it after all the others. */
export function requireForms(args: Args, questions: readonly Question[]): void {
  const faults = given(args).flatMap(([name, typed]) => {
    const question = questions.find((one) => optionOf(one) === name);
    const fault = question && typed.trim() !== '' ? faultOf(question, typed.trim()) : undefined;
    return fault === undefined ? [] : [{ flag: flagNamed(name), fault }];
  });
  const [first] = faults;
  if (first === undefined) return;
  const why = faults.map(({ flag, fault }) => (faults.length === 1 ? fault : `${flag}: ${fault}`)).join('; ');
  throw usage(`${namesOf(faults.map(({ flag }) => flag))} not right`, 'oncall help init', why);
}

/** At a terminal only a flag without a value: all else is asked. */
export function isEmpty(question: Question): never {
  throw usage(`${flagOf(question)} has no value`, 'leave it out, to be asked');
}

/** Of all that may be asked, and flags that answer none of it. */
type Flags = { readonly questions: readonly Question[]; readonly others: readonly string[] };

/** Where nobody can be asked: all that is missing in one error, and what nothing asks for, before anything is tried. */
export async function rehearse(args: Args, { questions, others }: Flags, course: (ask: Ask) => Promise<unknown>): Promise<void> {
  const missing: Question[] = [];
  const { ask, unused } = asker(args, undefined, true, (question) => missing.push(question));
  await course(ask);
  if (missing.length === 0) return requireAllUsed(unused());
  const why = 'no question can be asked: not a terminal, or --no-input or CI is set';
  const typed = given(args).flatMap(([name, value]) => {
    const unsaid = questions.find((one) => one.unsaid && optionOf(one) === name);
    return value.trim() === '' ? [] : [unsaid?.flags ?? `${flagNamed(name)} ${quoted(value)}`];
  });
  const line = ['oncall init', ...others, ...typed, ...missing.map(({ flags, choices }) => withWords(flags, choices))].join(' ');
  throw usage(`${namesOf(missing.map(flagOf))} missing`, line, why);
}

const withWords = (flags: string, choices: Question['choices']): string =>
  choices === undefined ? flags : `${flags.split(' ')[0]} <${Object.keys(choices).join('|')}>`;

/** `--a, --b and --c are`. */
function namesOf(flags: readonly string[]): string {
  const last = flags.at(-1);
  return flags.length === 1 ? `${last} is` : `${flags.slice(0, -1).join(', ')} and ${last} are`;
}

export function requireAllUsed(unused: readonly string[]): void {
  if (unused.length === 0) return;
  const why =
    'it belongs to another kind of directory, roster or identity than the one that was chosen, or to approvers where there are none';
  throw usage(`${unused.join(', ')} means nothing here, so nothing was written`, `leave ${unused.length === 1 ? 'it' : 'them'} out`, why);
}
