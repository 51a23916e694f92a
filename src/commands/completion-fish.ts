/** The script for fish, 3.0 and later. */

import type { Words } from './command.ts';
import { type Flag, firstWords, type Line, valueFlags } from './completion-script.ts';

export function fishScript(line: Line): string {
  const { places, groups, everywhere } = line;
  const others = valueFlags(line);
  const withArgument = places.flatMap(({ name, argument }) => (argument === undefined ? [] : [{ name, ...argument }]));
  return `# fish completion for oncall: oncall completion fish > ~/.config/fish/completions/oncall.fish
function __oncall_place
    set -l words (commandline -opc)
    set -e words[1]
    set -l command ''
    set -l given 0
    set -l skip 0
    for word in $words
        if test $skip -eq 1
            set skip 0
            continue
        end
        switch $word
            case ${others.join(' ')}
                set skip 1
            case '-*'
            case '*'
                if test -z "$command"
                    set command $word
                else if contains -- $command ${groups.map(({ name }) => name).join(' ')}
                    set command "$command $word"
                else
                    set given (math $given + 1)
                end
        end
    end
    echo "$command:$given"
end
function __oncall_is
    set -l place (string split -- : (__oncall_place))
    test "$place[1]" = "$argv[1]"; or return 1
    test (count $argv) -lt 2; or test "$place[2]" = "$argv[2]"
end
function __oncall_words
    set -l policy
    set -l words (commandline -opc)
    for i in (seq (count $words))
        switch $words[$i]
            case --policy
                set -l next (math $i + 1)
                test $next -le (count $words); and set policy --policy (string replace -r '^~/' "$HOME/" -- $words[$next])
            case '--policy=*'
                set policy $words[$i]
        end
    end
    oncall $policy completion --words $argv[1] 2>/dev/null </dev/null
end
complete -c oncall -f
${everywhere.map((flag) => `complete -c oncall${flagged(flag)}`).join('\n')}
${firstWords(line)
  .map(({ word, about }) => `complete -c oncall -n '__oncall_is ""' -a ${word} -d ${quoted(about)}`)
  .join('\n')}
${groups.map(({ name, next }) => `complete -c oncall -n '__oncall_is ${name}' -a '${next.join(' ')}'`).join('\n')}
${withArgument.map(({ name, words, many }) => `complete -c oncall -n '__oncall_is "${name}"${many ? '' : ' 0'}'${offered(words)}`).join('\n')}
${places.flatMap(({ name, flags }) => flags.map((flag) => `complete -c oncall -n '__oncall_is "${name}"'${flagged(flag)}`)).join('\n')}`;
}

function flagged({ long, short, about, takesValue, words }: Flag): string {
  const name = `${short === undefined ? '' : ` -s ${short.slice(1)}`} -l ${long.slice(2)}`;
  return `${name}${takesValue ? (words === 'files' ? '' : ' -x') : ''}${offered(words)} -d ${quoted(about)}`;
}

function offered(words: Words | undefined): string {
  if (words === undefined) return '';
  if (words === 'files') return ' -r -F';
  return typeof words === 'string' ? ` -a '(__oncall_words ${words})'` : ` -a '${words.join(' ')}'`;
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
