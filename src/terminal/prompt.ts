/** Questions, asked on stderr so that stdout stays the result. Loaded only when something is asked. */

import inquirer from 'inquirer';
import { clean, wrap } from './text.ts';

export type Choice<T> = {
  readonly name: string;
  readonly value: T;
  readonly description?: string;
  /** What stays on the screen once it is chosen; left out: the name. */
  readonly short?: string;
  /** Of a checkbox: marked at first. */
  readonly checked?: boolean;
};

export type Prompts = {
  /** `start`: the value on which the pointer is at first. */
  select<T>(message: string, choices: readonly Choice<T>[], start?: T): Promise<T>;
  /** Any number of them. */
  checkbox<T>(message: string, choices: readonly Choice<T>[]): Promise<readonly T[]>;
  /** `check` answers what is wrong, or `undefined`. `start`: what Enter alone takes. */
  input(message: string, check: (text: string) => string | undefined, start?: string): Promise<string>;
  confirm(message: string): Promise<boolean>;
};

export function makePrompts(color: boolean): Prompts {
  const ask = inquirer.createPromptModule({ output: color ? process.stderr : withoutColor(process.stderr) });
  return {
    async select<T>(message: string, choices: readonly Choice<T>[], start?: T) {
      // The index travels instead of the value: inquirer's types cannot carry T.
      const listed = choices.map(({ name, description, short = name }, value) => ({
        value,
        name: clean(name),
        short: clean(short),
        ...(description === undefined ? {} : { description: clean(description) }),
      }));
      const at = Math.max(
        0,
        choices.findIndex(({ value }) => value === start),
      );
      const { answer } = await ask<{ answer: number }>([
        { type: 'select', name: 'answer', message, choices: listed, default: at, loop: false },
      ]);
      return (choices[answer] as Choice<T>).value;
    },
    async checkbox<T>(message: string, choices: readonly Choice<T>[]) {
      const listed = choices.map(({ name, short = name, checked = false }, value) => ({
        value,
        checked,
        name: wrap(clean(name), inside(process.stderr), 4),
        short: clean(short),
      }));
      const { answer } = await ask<{ answer: number[] }>([{ type: 'checkbox', name: 'answer', message, choices: listed, loop: false }]);
      return answer.map((index) => (choices[index] as Choice<T>).value);
    },
    async input(message, check, start) {
      const validate = (text: string) => check(text) ?? true;
      const usual = start === undefined ? {} : { default: start };
      return (await ask<{ answer: string }>([{ type: 'input', name: 'answer', message, validate, ...usual }])).answer;
    },
    async confirm(message) {
      const wrapped = wrap(clean(message), inside(process.stderr) - asked, 2);
      return (await ask<{ answer: boolean }>([{ type: 'confirm', name: 'answer', message: wrapped, default: false }])).answer;
    },
  };
}

/** Columns beside the pointer and the box. inquirer breaks longer lines in the middle of a word. */
const inside = ({ columns = 80 }: Pick<NodeJS.WriteStream, 'columns'>): number => columns - 4;

/** Columns of ` (y/N) `. */
const asked = 7;

/** On Node 20 `util.styleText`, which inquirer uses, colours whatever NO_COLOR says. */
function withoutColor(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  const color = /\u001b\[[\d;]*m/g;
  const write = (chunk: unknown, ...rest: []) => stream.write(String(chunk).replace(color, ''), ...rest);
  return Object.create(stream, { write: { value: write } }) as NodeJS.WriteStream;
}
