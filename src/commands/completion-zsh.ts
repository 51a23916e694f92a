/** The script for zsh: to be evaluated after compinit, or kept as `_oncall` in a folder of fpath. */

import type { Words } from './command.ts';
import { type Flag, firstWords, type Line, valueCases, valueFlags } from './completion-script.ts';

export function zshScript(line: Line): string {
  const { places, groups, everywhere } = line;
  const others = valueFlags(line).filter((long) => long !== '--policy');
  const withArgument = places.flatMap(({ name, argument }) => (argument === undefined ? [] : [{ name, ...argument }]));
  return `#compdef oncall
# zsh completion for oncall. In ~/.zshrc, after compinit: eval "$(oncall completion zsh)"
compdef _oncall oncall
_oncall() {
  local cur=\${words[CURRENT]} prev=\${words[CURRENT-1]} command='' lookup='' word tab=$'\\t'
  local -a policy found
  integer i given=0
  if [[ $cur == --*=* ]]; then
    prev=\${cur%%=*}
    compset -P '*='
    cur=\${cur#*=}
  fi
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    case $word in
      (--policy)
        ((i + 1 < CURRENT)) && policy=(--policy "\${\${(Q)words[i+1]}/#\\~\\//$HOME/}")
        ((i++))
        ;;
      (--policy=*) policy=("\${(Q)word}") ;;
      (${others.join('|')}) ((i++)) ;;
      (-*) ;;
      (*)
        case $command in
          ('') command=$word ;;
          (${groups.map(({ name }) => name).join('|')}) command="$command $word" ;;
          (*) ((given++)) ;;
        esac
        ;;
    esac
  done
  case "$command $prev" in
${valueCases(line)
  .map(({ pattern, words }) => `    (${pattern}) ${offer(words)} ;;`)
  .join('\n')}
    (*)
      if [[ $cur == -* ]]; then
        case $command in
${places.flatMap(({ name, flags }) => (flags.length === 0 ? [] : [`          ('${name}') found=(${flags.flatMap(described).join(' ')}) ;;`])).join('\n')}
        esac
        found+=(${everywhere.flatMap(described).join(' ')})
        _describe -o 'option' found
        return
      fi
      case $command:$given in
        (:*) found=(${firstWords(line)
          .map(({ word, about }) => pair(word, about))
          .join(' ')}) ;;
${groups.map(({ name, next }) => `        (${name}:*) found=(${next.join(' ')}) ;;`).join('\n')}
${withArgument.map(({ name, words, many }) => `        ('${name}':${many ? '*' : '0'}) ${offer(words)} ;;`).join('\n')}
      esac
      ;;
  esac
  if [[ -n $lookup ]]; then
    for word in "\${(@f)$(oncall $policy completion --words $lookup 2> /dev/null < /dev/null)}"; do
      [[ -n $word ]] && found+=("\${word%%$tab*}:\${word#*$tab}")
    done
  fi
  _describe 'value' found
}
# As a file of fpath it is run, evaluated it is only defined.
if [ "\${funcstack[1]}" = '_oncall' ]; then
  _oncall "$@"
fi`;
}

function offer(words: Words | undefined): string {
  if (words === undefined) return "_message 'text'; return";
  if (words === 'files') return '_files; return';
  return typeof words === 'string' ? `lookup=${words}` : `found=(${words.map((word) => `'${word}'`).join(' ')})`;
}

const described = ({ long, short, about }: Flag): string[] => [...(short === undefined ? [] : [pair(short, about)]), pair(long, about)];

/** What stands before the first colon is offered, what stands behind it is shown. */
const pair = (word: string, about: string): string => `'${word}:${about.replaceAll("'", "'\\''")}'`;
