/** How `init` comes to its answers: from a flag, from a person at a terminal, or from what is usual. */

import type { Prompts } from '../terminal/prompt.ts';
import { type Args, usage } from './command.ts';
import type { Question } from './init-kinds.ts';

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

export function asker(args: Args, prompts: Prompts | undefined, yes: boolean): Asker {
  const answers = new Map(Object.entries(args.options).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])));
  const flags = new Map<string, string>();
  let isAgain = false;

  const ask: Ask = async (question, start = question.start) => {
    const name = optionOf(question);
    flags.set(name, flagOf(question));
    const before = answers.get(name);
    const isAsked = prompts !== undefined && question.ask !== undefined;
    const isUsual = start !== undefined || question.optional === true;
    const asks = isAsked && (isAgain || (before === undefined && !(yes && isUsual)));
    const typed = (asks ? await askPerson(question, startOf(question, before ?? start), prompts) : (before ?? start ?? '')).trim();
    if (typed === '' && question.optional) return undefined;
    if (typed === '') throw missing(question);
    answers.set(name, typed);
    const fault = faultOf(question, typed);
    if (fault !== undefined) throw usage(`${flagOf(question)} is not right: ${fault}`, 'oncall help init');
    return readOf(question, typed);
  };
  return {
    ask,
    again: (wanted) => {
      isAgain = wanted;
    },
    unused: () =>
      [...answers.keys()].filter((name) => !flags.has(name)).map((name) => `--${name.replace(/[A-Z]/g, (big) => `-${big.toLowerCase()}`)}`),
  };
}

/** What Enter alone takes cannot be emptied any more, and to what is optional nothing is an answer. */
const startOf = ({ optional }: Question, start: string | undefined): string | undefined => (optional ? undefined : start);

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
  return prompts.input(ask, check, start);
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

function missing(question: Question) {
  const why = 'no question can be asked: not a terminal, or --no-input or CI is set';
  const words = question.choices === undefined ? '' : `: ${Object.keys(question.choices).join(', ')}`;
  return usage(`${flagOf(question)} is missing`, `add ${question.flags}${words}`, why);
}
