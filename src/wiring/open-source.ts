/** Opens a directory or a roster by its name in the policy. */

import type { AdapterContext, Directory, DirectoryKind } from '../directories/directory.ts';
import { directoryKinds } from '../directories/index.ts';
import { OncallError } from '../errors.ts';
import { channelKinds } from '../notices/index.ts';
import type { Sender } from '../notices/notice.ts';
import type { Policy, Source } from '../policy/types.ts';
import { rosterKinds } from '../rosters/index.ts';
import type { Roster } from '../rosters/roster.ts';

type Around = Omit<AdapterContext, 'name'>;

/** Each by its name, opened on first use and never twice; what fails to open fails the same way the next time. */
export function sources(policy: Policy, around: Around) {
  const context = (name: string): AdapterContext => ({ name, ...around });
  return {
    directory: onceEach(async (name) => {
      await othersAreSent();
      return openSource<Directory>('directory', policy.directories, directoryKinds, context(name));
    }),
    roster: onceEach((name) => openSource<Roster>('roster', policy.rosters, rosterKinds, context(name))),
    sender: onceEach((name) => openSource<Sender>('channel', policy.notify ?? {}, channelKinds, context(name))),
  };
}

/** Nothing is sent while an SDK is loaded, so what a roster was asked before goes out first: connected in one turn of the event loop, written in the next. */
async function othersAreSent(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

type Kind<Port> = {
  readonly settings: DirectoryKind<unknown>['settings'];
  readonly isLocal: (settings: unknown) => boolean;
  readonly open: (settings: unknown, context: AdapterContext) => Promise<Port>;
};

async function openSource<Port>(
  what: 'directory' | 'roster' | 'channel',
  sources: Readonly<Record<string, Source>>,
  kinds: Readonly<Record<string, () => Promise<Kind<Port>>>>,
  context: AdapterContext,
): Promise<Port> {
  const source = Object.hasOwn(sources, context.name) ? sources[context.name] : undefined;
  const load = source === undefined ? undefined : kinds[source.kind];
  if (source === undefined || load === undefined) {
    throw new OncallError(`no-${what}`, `the policy has no ${what} "${context.name}"`, {
      exit: 2,
      why: 'it is named by the ledger or a rule, and was taken out of the policy or has a fault there',
      next: `put the ${what} back, or mend it: oncall policy check`,
    });
  }
  const kind = await load();
  // A proxy that is none is a fault of the surroundings, told as such before anybody blames the source.
  if (!kind.isLocal(source.settings)) (await import('../proxy.ts')).proxyIn();
  return kind.open(source.settings, context);
}

function onceEach<T>(open: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const opened = new Map<string, Promise<T>>();
  return (name) => {
    const known = opened.get(name) ?? open(name);
    opened.set(name, known);
    return known;
  };
}
