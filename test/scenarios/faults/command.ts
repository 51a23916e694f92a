/** The program of a `command` roster as a provider that fails. */

import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { stage } from '../stage.ts';
import { embedded, type Failure, groups, impatient, membersIn, type Provider, patient } from './world.ts';

const shift = '{"user":"maria@acme.dev","schedule":"primary","start":null,"end":null}';
const prints = (text: string): string => `#!/bin/sh\ncat <<'EOF'\n${text}\nEOF\n`;
const answers = prints(`{"schema":1,"shifts":[${shift}]}`);

const programs: Partial<Record<Failure, string>> = {
  'exit code': "#!/bin/sh\necho 'no route to the database' >&2\nexit 3\n",
  'time-out': '#!/bin/sh\nexec sleep 1000\n',
  'half an answer': prints('{"schema":1,"shifts":['),
  'wrong shape': prints(`{"schema":1,"shifts":[${shift.replace(',"end":null', '')}]}`),
  'too long': '#!/bin/sh\nhead -c 2000000 /dev/zero\n',
  'its own no': prints(
    '{"schema":1,"error":{"code":"not-found","message":"there is no schedule \\"primary\\"","next":"name one that there is"}}',
  ),
};

const policy = (program: string, timeout = patient): string => {
  const settings = `ours: { kind: command, run: [./${program}], env: { ROSTER_TOKEN: { file: ./secret } }, timeout: ${timeout} }`;
  return embedded('identity: [ { kind: local } ]', settings, '{ onCall: ours/primary }');
};

export const commandRoster: Provider = {
  name: 'The program of a `command` roster',
  host: 'localhost',
  isDirectory: false,
  called: {
    'wrong key': 'a secret of its `env` that cannot be read',
    'no file': 'no program at that path',
    'unreadable file': 'a program that may not be run',
    'half an answer': 'an answer that is no JSON',
  },
  failures: [
    'no file',
    'unreadable file',
    'others may write',
    'wrong key',
    'exit code',
    'time-out',
    'half an answer',
    'wrong shape',
    'too long',
    'its own no',
  ],
  start: async () => ({
    open: async (door) => {
      const files = { 'oncall.yaml': policy('our-roster'), 'our-roster': answers, secret: 'CANARY-of-the-roster', 'groups.json': groups };
      const s = stage(door, files);
      const mode = (bits: number) => chmodSync(join(s.folder, 'our-roster'), bits);
      const heal = () => {
        s.write('our-roster', answers);
        mode(0o700);
        chmodSync(join(s.folder, 'secret'), 0o600);
        s.write('oncall.yaml', policy('our-roster'));
      };
      heal();
      const ways: Partial<Record<Failure, () => void>> = {
        'no file': () => s.write('oncall.yaml', policy('their-roster')),
        'unreadable file': () => mode(0o600),
        'others may write': () => mode(0o777),
        'wrong key': () => chmodSync(join(s.folder, 'secret'), 0o666),
        'time-out': () => s.write('oncall.yaml', policy('our-roster', impatient)),
      };
      return {
        stage: s,
        members: membersIn(s),
        fail: (failure) => {
          s.write('our-roster', programs[failure] ?? answers);
          ways[failure]?.();
        },
        heal,
      };
    },
    stop: async () => undefined,
  }),
};
