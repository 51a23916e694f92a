/** What of a broker's words is shown as this program's own advice, and what is said to be the broker's: whoever runs a false one chooses every letter of them. */

type Words = { readonly message: string; readonly why?: string; readonly next?: string };

/** A shell does more with these than read a word, and an address leads elsewhere. */
const unsafe = /[|&$`<>\\]|:\/\//;
/** With these begins what this program itself advises; none of them is a command that does harm. An id of a broker's log stands alone. */
const ours =
  /^(?:(?:oncall|add|an|ask|be|did|every|give|have|here|it|look|name|no|nobody|say|stand|take|tell|the|try|wait|withdraw|you)\b|run (?:it|the same command)\b|[0-9a-f-]{4,36}$)/;
/** Of what went wrong where the broker runs, this is all that somebody elsewhere can do. */
const forThisSide = /^(?:ask|tell|the same command|run the same command|try again|oncall (?:explain|release|request|roles|status))\b/;

const broker = 'the broker says: ';

/** `isElsewhere`: it is about the broker's own surroundings, which are not those of whoever reads it. */
export function wordsOf({ message, why, next }: Words, isElsewhere: boolean): Words {
  return {
    message: unsafe.test(message) || (isElsewhere && why === undefined) ? broker + message : message,
    ...(why === undefined ? {} : { why: isElsewhere || unsafe.test(why) ? broker + why : why }),
    ...(next === undefined
      ? {}
      : { next: isElsewhere && !forThisSide.test(next) ? `tell who runs the broker; it says: ${next}` : advice(next) }),
  };
}

const advice = (next: string): string =>
  !unsafe.test(next) && next.split(/[;:]\s*/).every((clause) => ours.test(clause)) ? next : broker + next;

/** In what an operation gave: a refusal, and the lists in which every line has a step of its own. */
export function withWordsOf(result: unknown): unknown {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return result;
  const { error, exit, faults, checks, steps, missing } = result as Record<string, unknown>;
  return {
    ...result,
    ...(isWords(error) ? { error: { ...error, ...wordsOf(error, exit === 1) } } : {}),
    ...Object.fromEntries(
      Object.entries({ faults, checks, steps, missing }).flatMap(([name, list]) =>
        Array.isArray(list) ? [[name, list.map(advised)]] : [],
      ),
    ),
  };
}

function advised(line: unknown): unknown {
  const { next } = Object(line) as { readonly next?: unknown };
  return typeof next === 'string' ? { ...(line as object), next: advice(next) } : line;
}

function isWords(error: unknown): error is Words {
  const { message, why = '', next = '' } = Object(error) as Record<string, unknown>;
  return [message, why, next].every((part) => typeof part === 'string');
}
