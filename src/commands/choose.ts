/** What `request` asks on a terminal where no role was named: which one, beside what would be approved now, and for how long. */

import { type ExitCode, isOncallError, OncallError } from '../errors.ts';
import type { ExplainResult, Operations, RequestInput, RoleView } from '../operations/types.ts';
import { formatDuration, parseDuration } from '../policy/duration.ts';
import type { Asked, Decision } from '../policy/types.ts';
import type { Prompts } from '../terminal/prompt.ts';
import { cut, pad, widthOf } from '../terminal/text.ts';
import { type Clock, showInstant, showRemaining, withoutUtc } from '../terminal/time.ts';
import { durationFrom } from './asked.ts';
import { type Context, usage } from './command.ts';
import { heldWhat } from './lines.ts';

type Chosen = Pick<RequestInput, 'role' | 'asked'>;
type Wish = { readonly asked: Asked; readonly incident: string | undefined };

/** Nobody waits longer than this for a list; what is not known by then is said to be so. */
const patienceMs = 4_000;
const atOnce = 6;

export async function choose(wish: Wish, context: Context): Promise<Chosen> {
  if (context.prompts === undefined) throw usage('which role is missing', 'oncall request <role>; the roles there are: oncall roles');
  const operations = await context.operations();
  const roles = await operations.roles();
  if (roles.length === 0) throw usage('the policy has no roles', 'ask who keeps the policy');
  context.note('looking at what you would get now …');
  const outlooks = await lookAhead(operations, roles, wish, context);
  const prompts = await context.prompts();
  const role = await prompts.select('Which role?', choicesOf(roles, outlooks, context));
  return { role: role.name, asked: 'byDefault' in wish.asked ? await chooseLength(role, prompts) : wish.asked };
}

type Outlook = { readonly rank: number; readonly text: string };

const notYet: Outlook = { rank: 3, text: 'not known yet' };

async function lookAhead(
  operations: Operations,
  roles: readonly RoleView[],
  { asked, incident }: Wish,
  context: Context,
): Promise<ReadonlyMap<string, Outlook>> {
  const outlooks = new Map<string, Outlook>();
  const queue = roles.values();
  const worker = async (): Promise<void> => {
    for (const { name } of queue) {
      const explained = operations.explain({ role: name, asked, ...(incident === undefined ? {} : { incident }) });
      outlooks.set(name, await explained.then((result) => outlookOf(result, context.clock()), unknown));
    }
  };
  const enough = new AbortController();
  const work = Promise.all(Array.from({ length: Math.min(atOnce, roles.length) }, worker));
  await Promise.race([work, context.sleep(patienceMs, enough.signal)]).finally(() => enough.abort());
  if (context.signal.aborted) throw new OncallError('interrupted', 'interrupted', { exit: 130 });
  // It may still fail when nobody waits for it any more.
  work.catch(() => undefined);
  return outlooks;
}

/** One role that cannot be looked at does not hide the others; not to be signed in concerns them all. */
function unknown(error: unknown): Outlook {
  const notSignedIn: ExitCode = 4;
  if (isOncallError(error) && error.exit !== notSignedIn) return { rank: 3, text: `not known: ${error.message}` };
  throw error;
}

function outlookOf({ decision, held, refusal }: ExplainResult, clock: Clock): Outlook {
  if (held) return { rank: 1, text: `you have ${heldWhat(held)} until ${showInstant(held.expiresAt, clock)} (${held.id})` };
  if (refusal?.code === 'which-incident') return { rank: 2, text: 'it depends on the incident' };
  if (refusal) return { rank: 2, text: `not now: ${refusal.message}` };
  return outlookByRules(decision, clock);
}

function outlookByRules({ outcome, undecided, expiresAt, approvers, findings }: Decision, clock: Clock): Outlook {
  if (outcome === 'allow') {
    // In UTC too it is one line too long, and what is cut is how much remains.
    const end = expiresAt === undefined ? '' : ` until ${withoutUtc(showInstant(expiresAt, clock))}, ${showRemaining(expiresAt, clock)}`;
    return { rank: 0, text: `allowed${end}` };
  }
  if (outcome === 'ask') return { rank: 2, text: `ask ${approvers.join(', or ')}` };
  if (undecided)
    return { rank: 3, text: `not known: ${findings.find(({ holds }) => holds === 'unknown')?.because ?? 'a source did not answer'}` };
  const forbids = findings.find(({ effect, holds }) => effect === 'deny' && holds === true);
  const missing =
    findings.find(({ effect, holds }) => effect === 'allow' && holds === false) ?? findings.find(({ effect }) => effect === 'ask');
  const because = (forbids ?? missing)?.because ?? 'no rule gives it to you';
  return { rank: 4, text: `no: ${because.replace(/^is not /, 'you are not ')}` };
}

/** What one can have comes first: at 03:00 that is one key. */
function choicesOf(roles: readonly RoleView[], outlooks: ReadonlyMap<string, Outlook>, { screen }: Context) {
  const widest = Math.min(24, Math.max(...roles.map(({ name }) => widthOf(name))));
  // The prompt is on stderr: stdout may be a file without a width.
  const width = Math.min(Number.isFinite(screen.width) ? screen.width : 80, 120);
  const rankOf = ({ name }: RoleView): number => (outlooks.get(name) ?? notYet).rank;
  return [...roles]
    .sort((a, b) => rankOf(a) - rankOf(b))
    .map((role) => ({
      value: role,
      short: role.name,
      // 4: the pointer, and one to spare, as a line that is full wraps.
      name: cut(`${pad(role.name, widest)}  ${(outlooks.get(role.name) ?? notYet).text}`, width - 4),
      ...(role.description === undefined ? {} : { description: role.description }),
    }));
}

async function chooseLength({ ttl }: RoleView, prompts: Prompts): Promise<Asked> {
  const lengths = [...new Set([ttl.defaultMs, ...[6, 12, 24].map((hours) => hours * 3_600_000)])].filter((ms) => ms <= ttl.maxMs);
  const choices = lengths.sort((a, b) => a - b).map((ms) => ({ name: formatDuration(ms), value: ms }));
  const chosen = await prompts.select('For how long?', [...choices, { name: 'other', value: 0 }], ttl.defaultMs);
  if (chosen > 0) return { forMs: chosen };
  const most = formatDuration(ttl.maxMs);
  const written = await prompts.input(`How long? (90m, 2h30m; at most ${most})`, (typed) => {
    const length = parseDuration(typed.trim());
    if ('fault' in length) return length.fault;
    return length.ms > ttl.maxMs ? `this role is given for at most ${most}` : undefined;
  });
  return { forMs: durationFrom('the length', written.trim()) };
}
