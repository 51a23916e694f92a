/** The script for bash, 3.2 (macOS) and later: no associative arrays, and nothing looked up is ever expanded. */

import type { Words } from './command.ts';
import { firstWords, type Line, valueCases, valueFlags } from './completion-script.ts';

export function bashScript(line: Line): string {
  const { places, groups, everywhere } = line;
  const others = valueFlags(line).filter((long) => long !== '--policy');
  const names = ({ long, short }: { long: string; short?: string }) => (short === undefined ? long : `${short} ${long}`);
  const withArgument = places.flatMap(({ name, argument }) => (argument === undefined ? [] : [{ name, ...argument }]));
  return `# bash completion for oncall. In ~/.bashrc: eval "$(oncall completion bash)"
_oncall() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local command='' words='' lookup='' word i given=0 IFS=$' \\t\\n'
  local -a policy
  policy=()
  COMPREPLY=()
  # "=" is a word of its own here: --role=db-admin is three.
  if [[ $cur == '=' ]]; then cur=''; elif [[ $prev == '=' ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
      --policy)
        [[ \${COMP_WORDS[i+1]-} == '=' ]] && ((i++))
        ((i++))
        word=\${COMP_WORDS[i]-}
        ((i < COMP_CWORD)) && policy=(--policy "\${word/#\\~\\//$HOME/}")
        ;;
      ${others.join('|')})
        [[ \${COMP_WORDS[i+1]-} == '=' ]] && ((i++))
        ((i++))
        ;;
      -* | '=') ;;
      *)
        case $command in
          '') command=$word ;;
          ${groups.map(({ name }) => name).join(' | ')}) command="$command $word" ;;
          *) ((given++)) ;;
        esac
        ;;
    esac
  done
  case "$command $prev" in
${valueCases(line)
  .map(({ pattern, words }) => `    ${pattern}) ${offer(words)} ;;`)
  .join('\n')}
    *)
      if [[ $cur == -* ]]; then
        case $command in
${places.flatMap(({ name, flags }) => (flags.length === 0 ? [] : [`          '${name}') words='${flags.map(names).join(' ')}' ;;`])).join('\n')}
        esac
        words="$words ${everywhere.map(names).join(' ')}"
      else
        case $command:$given in
          :*) words='${firstWords(line)
            .map(({ word }) => word)
            .join(' ')}' ;;
${groups.map(({ name, next }) => `          ${name}:*) words='${next.join(' ')}' ;;`).join('\n')}
${withArgument.map(({ name, words, many }) => `          '${name}':${many ? '*' : '0'}) ${offer(words)} ;;`).join('\n')}
        esac
      fi
      ;;
  esac
  if [[ -n $lookup ]]; then
    while IFS=$'\\t' read -r word _; do
      words="$words $word"
    done <<< "$(oncall \${policy[@]+"\${policy[@]}"} completion --words "$lookup" 2> /dev/null < /dev/null)"
  fi
  for word in $words; do
    [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
  done
}
complete -F _oncall oncall`;
}

function offer(words: Words | undefined): string {
  if (words === undefined) return 'return';
  // A name with spaces, one a line; the option marks folders and quotes, where bash knows it.
  if (words === 'files') return 'compopt -o filenames 2> /dev/null; IFS=$\'\\n\'; COMPREPLY=($(compgen -f -- "$cur")); return';
  return typeof words === 'string' ? `lookup=${words}` : `words='${words.join(' ')}'`;
}
