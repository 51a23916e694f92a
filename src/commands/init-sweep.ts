/** What `init` prints for cron or systemd, in the form of examples/cron and examples/systemd. */

import type { Draft } from './command.ts';

export type SweepBy = 'cron' | 'systemd' | 'none';

/** For a shell, and the same for systemd, which knows these quotes. */
export const quoted = (path: string): string => (/^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);

/** `variables`: those in which the policy has secrets looked for. */
export function sweepText(by: SweepBy, { path, program }: Draft, variables: readonly string[]): string {
  if (by === 'none') return '';
  const line = `${quoted(program.path)} --policy ${quoted(path)} sweep`;
  const searched = [...new Set([program.nodeFolder, '/usr/local/bin', '/usr/bin', '/bin'])].join(':');
  return (by === 'cron' ? crontab(line, searched, variables) : units(line, searched, program.user, variables)).join('\n');
}

function crontab(line: string, searched: string, variables: readonly string[]): readonly string[] {
  return [
    '# crontab -e, as the user of the sweep; what it prints, cron mails there.',
    '# MAILTO=oncall-alerts@acme.dev',
    ...(variables.length === 0 ? [] : ['# Cron knows nothing of your shell; better { file: … } in the policy.']),
    ...variables.map((name) => `# ${name}=…`),
    `PATH=${searched}`,
    // To cron a bare % ends the line.
    `*/5 * * * * ${line.replaceAll('%', '\\%')}`,
  ];
}

function units(line: string, searched: string, user: string, variables: readonly string[]): readonly string[] {
  return [
    '# /etc/systemd/system/oncall-sweep.service',
    '# examples/systemd has one for a user of its own, with hardly any rights.',
    '[Unit]',
    'Description=oncall sweep: access ends because this runs',
    'Wants=network-online.target',
    'After=network-online.target time-sync.target',
    '[Service]',
    'Type=oneshot',
    `User=${user}`,
    `Environment=PATH=${searched}`,
    ...(variables.length === 0 ? [] : [`# With ${variables.join(', ')}; mode 0600. Better { file: … } in the policy.`]),
    ...(variables.length === 0 ? [] : ['EnvironmentFile=/etc/oncall/environment']),
    // To systemd a bare % begins a specifier, and a bare $ a variable.
    `ExecStart=${line.replaceAll('%', '%%').replaceAll('$', '$$$$')}`,
    'TimeoutStartSec=10min',
    '',
    '# /etc/systemd/system/oncall-sweep.timer; then:',
    '# systemctl enable --now oncall-sweep.timer; journalctl --unit oncall-sweep',
    '[Unit]',
    'Description=oncall sweep, every 5 minutes',
    '[Timer]',
    'OnBootSec=30s',
    'OnCalendar=*:0/5',
    'AccuracySec=1s',
    '[Install]',
    'WantedBy=timers.target',
  ];
}
