/** The parts of a first policy, each from the answers to its questions. */

import type { Ask } from './init-ask.ts';
import { directories, type Kind, type Question, rosters } from './init-kinds.ts';
import type { Answers, Source, Who } from './init-policy.ts';
import { questions } from './init-questions.ts';

export async function directoryPart(ask: Ask, admin: string) {
  const { kind, source } = await sourceOf(ask, String(await ask(questions.directory)), directories);
  const group = String(await ask(questions.group));
  return { kind, source, group, starter: kind.starter?.(admin, group) };
}

export async function rosterPart(ask: Ask, admin: string) {
  const name = String(await ask(questions.roster));
  if (name === 'none') return undefined;
  const { kind, source } = await sourceOf(ask, name, rosters);
  const schedule = kind === unchosen ? '' : String(await ask(questions.onCall));
  return { kind, source: { ...source, schedule }, starter: kind.starter?.(admin, schedule) };
}

/** Of this kind is what stands open while it is found out what is missing. */
const unchosen: Kind = { title: '', settings: [], embedded: true };

async function sourceOf(ask: Ask, name: string, kinds: Readonly<Record<string, Kind>>): Promise<{ kind: Kind; source: Source }> {
  const kind = kinds[name] ?? unchosen;
  const settings: Record<string, unknown> = {};
  for (const setting of kind.settings) {
    if (setting.when?.(settings) === false) continue;
    const value = await ask(setting);
    if (value !== undefined) settings[setting.key] = value;
  }
  return { kind, source: { name, settings } };
}

/** `usual`: what counts where nothing was said. */
export async function identityPart(
  ask: Ask,
  { usual, admin }: { readonly usual: 'oidc' | 'local'; readonly admin: string },
  { embedded }: Kind,
): Promise<Answers['identity']> {
  // Where access lives outside this machine there is nothing to choose.
  const { ask: asked, ...unasked } = questions.identity;
  const kind = await ask(embedded ? { ...unasked, ask: asked } : unasked, usual);
  if (kind === 'local') return { kind };
  const issuer = await ask(questions.issuer);
  const clientId = await ask(questions.clientId);
  const audience = await ask(questions.audience);
  const domains = await ask(questions.domains, admin.slice(admin.indexOf('@') + 1));
  const redirectPort = await ask(questions.redirectPort);
  return {
    ...{ kind, issuer, clientId },
    ...(audience === undefined ? {} : { audience }),
    domains,
    ...(redirectPort === undefined ? {} : { redirectPort }),
  };
}

export async function rolePart(ask: Ask, group: string, hasRoster: boolean) {
  const name = String(await ask(questions.role, nameFrom(group)));
  const ttl = String(await ask(questions.ttl));
  // Without a roster there is no other way in.
  const asked = (question: Question): Promise<unknown> => ask(hasRoster ? question : required(question));
  const approvers = who(await asked(questions.approver));
  const nobody = hasRoster && approvers.length === 0;
  return { name, ttl, approvers, mayAsk: nobody ? [] : who(await asked(questions.mayAsk)) };
}

const who = (answer: unknown): readonly Who[] => (answer === undefined ? [] : (answer as readonly Who[]));

function required({ optional: _, ask = '', ...question }: Question): Question {
  return { ...question, ask: ask.replace(/; empty: [^)]*/, '') };
}

/** `On-Call Database Admin` is asked for as `on-call-database-admin`. */
function nameFrom(group: string): string | undefined {
  const last = group.startsWith('arn:') ? group.slice(group.lastIndexOf('/') + 1) : group;
  const name = last
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return name === '' ? undefined : name;
}
