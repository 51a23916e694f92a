/** The list of commands as the three shells need it. */

import type { Command, Option, Words } from './command.ts';
import { bashScript } from './completion-bash.ts';
import { fishScript } from './completion-fish.ts';
import { zshScript } from './completion-zsh.ts';
import { globalOptions, topics } from './help.ts';
import { commands } from './index.ts';

export type Flag = {
  /** `--hours` */
  readonly long: string;
  /** `-n` */
  readonly short?: string;
  readonly about: string;
  readonly takesValue: boolean;
  readonly words?: Words;
};

export type Place = {
  /** `request`, `policy check`. */
  readonly name: string;
  readonly about: string;
  readonly flags: readonly Flag[];
  /** `many`: any number of them. */
  readonly argument?: { readonly words: Words; readonly many: boolean };
};

export type Line = {
  readonly places: readonly Place[];
  /** Words that only start a command: `policy`, with what can follow. */
  readonly groups: readonly { readonly name: string; readonly next: readonly string[] }[];
  readonly everywhere: readonly Flag[];
};

const scripts: Readonly<Record<string, (line: Line) => string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

export function completionScript(shell: string): string | undefined {
  return Object.hasOwn(scripts, shell) ? scripts[shell]?.(theLine()) : undefined;
}

function theLine(): Line {
  const two = commands.map(({ name }) => name.split(' ')).filter((words) => words.length > 1);
  const groups = [...new Set(two.map(([first = '']) => first))];
  const singles = commands.map(({ name }) => name.split(' ')[0] ?? '');
  const help = {
    ...{ name: 'help', about: 'print help about a command or a topic', flags: [] },
    argument: { words: [...new Set([...singles, ...Object.keys(topics)])], many: false },
  };
  return {
    places: [...commands.map(placeOf), help],
    groups: groups.map((name) => ({ name, next: two.flatMap(([first, second = '']) => (first === name ? [second] : [])) })),
    everywhere: [...globalOptions.map(flagOf), { long: '--help', short: '-h', about: 'print help', takesValue: false }],
  };
}

function placeOf({ name, summary, argument, options = [] }: Command): Place {
  const words = argument?.words;
  return {
    ...{ name, about: summary, flags: options.filter(({ hidden }) => hidden === undefined).map(flagOf) },
    ...(words === undefined ? {} : { argument: { words, many: /^\S*\.\.\./.test(argument?.syntax ?? '') } }),
  };
}

function flagOf({ flags, summary, words }: Option): Flag {
  const short = /(?:^|[ ,])(-\w)\b/.exec(flags)?.[1];
  return {
    ...{ long: /--[\w-]+/.exec(flags)?.[0] ?? flags, about: summary, takesValue: /[<[]/.test(flags) },
    ...(short === undefined ? {} : { short }),
    ...(words === undefined ? {} : { words }),
  };
}

/** Every flag that is followed by a value, wherever. */
export function valueFlags({ places, everywhere }: Line): readonly string[] {
  const all = [...everywhere, ...places.flatMap(({ flags }) => flags)].filter(({ takesValue }) => takesValue);
  return [...new Set(all.map(({ long }) => long))];
}

/** For a `case` of command and flag: the same flag may want other words in another command. */
export function valueCases({ places, everywhere }: Line): readonly { readonly pattern: string; readonly words: Words | undefined }[] {
  const withValue = (flags: readonly Flag[]) => flags.filter(({ takesValue }) => takesValue);
  const own = places.flatMap(({ name, flags }) => withValue(flags).map(({ long, words }) => ({ pattern: `'${name} ${long}'`, words })));
  const byWords = new Map<string, { pattern: string; words: Words | undefined }>();
  for (const { pattern, words } of own) {
    const known = byWords.get(JSON.stringify(words ?? null));
    byWords.set(JSON.stringify(words ?? null), { pattern: known === undefined ? pattern : `${known.pattern} | ${pattern}`, words });
  }
  return [...withValue(everywhere).map(({ long, words }) => ({ pattern: `*' ${long}'`, words })), ...byWords.values()];
}

/** The first words there are, with what they do. */
export function firstWords({ places, groups }: Line): readonly { readonly word: string; readonly about: string }[] {
  return [
    ...places.filter(({ name }) => !name.includes(' ')).map(({ name, about }) => ({ word: name, about })),
    ...groups.map(({ name, next }) => ({ word: name, about: next.join(', ') })),
  ];
}
