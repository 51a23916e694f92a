/** `doctor` on who is told: can each channel's secret be read, and has it been told what there was. Sends nothing. */

import type { Ledger } from '../ledger/ledger.ts';
import type { ChannelRow } from '../lifecycle/notice.ts';
import { formatDuration } from '../policy/duration.ts';
import type { Channel } from '../policy/notices.ts';
import type { Deps } from './deps.ts';
import { attempt, check, counted, fault, within } from './doctor-check.ts';
import type { Check } from './types.ts';

export async function checkNotices(deps: Deps, ledger: Ledger | undefined, deadline: AbortSignal): Promise<readonly Check[]> {
  const channels = Object.values(deps.policy.notify ?? {});
  if (channels.length === 0) return [];
  const signal = AbortSignal.any([deps.signal, deadline]);
  const known = await ledger
    ?.read(async (q, now) => ({ rows: await q.channels(), head: (await q.head()).seq, now }))
    .catch(() => undefined);
  const checks = channels.map(async (channel): Promise<readonly Check[]> => {
    const { name } = channel;
    const asked = await attempt('', () => within(signal, ready(deps, name, signal)));
    const settings =
      'error' in asked ? fault('notices', name, asked.error) : check('notices', name, 'ok', `goes to ${asked.value}: ${aboutOf(channel)}`);
    const row = known?.rows.find((one) => one.channel === name);
    return [settings, ...(row === undefined || known === undefined ? [] : howItStands(row, known))];
  });
  return (await Promise.all(checks)).flat();
}

async function ready({ sender }: Deps, name: string, signal: AbortSignal): Promise<string> {
  return (await sender?.(name))?.ready({ signal }) ?? 'nowhere';
}

const aboutOf = ({ about, events }: Channel): string =>
  events === 'all' ? 'every event of the audit trail' : about === undefined ? 'every notice' : about.join(', ');

function howItStands(
  { channel, failingSince, lastError, next, seq, missed }: ChannelRow,
  at: { readonly head: number; readonly now: number },
): readonly Check[] {
  const lost = missed === 0 ? '' : `, and ${counted(missed, 'notice')} given up`;
  if (failingSince !== null) {
    const since = `it has not been told anything for ${formatDuration(Math.max(0, at.now - failingSince))}${lost}: ${lastError}`;
    return [check('notices', channel, 'fault', since, next ?? 'it is tried again by each sweep')];
  }
  const behind = at.head - seq;
  // Most events make no notice: that many may well wait for the next that does.
  if (behind < 1_000) return [];
  return [check('notices', channel, 'warning', `it is ${counted(behind, 'event')} behind`, 'oncall sweep')];
}
