/** `oncall serve`: the operations for people on other hosts, until a signal stops it. Its log goes to stderr, one line an event. */

import { parseDuration } from '../policy/duration.ts';
import { toLine } from '../terminal/json.ts';
import { pad } from '../terminal/text.ts';
import { type Args, type Command, type Context, type LogEntry, type Outcome, type ServeInput, text, usage } from './command.ts';
import { stepLine } from './sweep.ts';

export const serve: Command = {
  name: 'serve',
  group: 'Operating',
  summary: 'run the broker, so that laptops need no keys',
  tellsItsStop: true,
  options: [
    { flags: '--listen <address>', summary: 'where to listen (127.0.0.1:8300)' },
    { flags: '--url <origin>', summary: 'how clients write it: https://oncall.acme.dev' },
    { flags: '--tls-cert <file>', summary: 'certificate and what is between it and the root', words: 'files' },
    { flags: '--tls-key <file>', summary: 'its key, readable by nobody else', words: 'files' },
    { flags: '--behind-proxy <list>', summary: 'addresses or networks of what does TLS before it' },
    { flags: '--sweep-every <time>', summary: 'sweeps by itself (1m); off: cron does' },
  ],
  examples: [
    ['oncall serve', 'on this machine only, over plain HTTP'],
    ['oncall serve --url https://oncall.acme.dev --behind-proxy 127.0.0.1', 'behind a proxy on this machine that does TLS'],
  ],
  notes:
    'For other hosts: --listen 0.0.0.0:443 --url https://oncall.acme.dev --tls-cert cert.pem --tls-key key.pem. SIGTERM and Ctrl-C let end what runs. The policy and the TLS files are looked at every 5 seconds, and at once on SIGHUP; a policy that would not pass oncall policy check is not used, and the one before it stays. The log is on stderr; with --json each line is a document.',
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const by = await context.serve(inputOf(args), (entry) => show(entry, context));
  return { exit: by === 'SIGINT' ? 130 : 0, document: { stoppedBy: by }, text: '' };
}

function show(entry: LogEntry, { globals, clock }: Context): string | undefined {
  const { level, event, step, details } = entry;
  if ((level === 'debug' && !globals.verbose) || (globals.quiet && level !== 'warning' && level !== 'error')) return undefined;
  const message = step === undefined ? entry.message : stepLine(step);
  const { now: at } = clock();
  if (globals.json)
    return toLine({ at, level, event, message, ...(step === undefined ? {} : { step }), ...(details === undefined ? {} : { details }) });
  const time = `${new Date(at).toISOString().slice(0, 19)}Z`;
  const word = level === 'warning' || level === 'error' ? `${level}: ` : '';
  const width = Math.max(0, ...Object.keys(details ?? {}).map((name) => name.length)) + 2;
  return [`${time} ${word}${message}`, ...Object.entries(details ?? {}).map(([name, value]) => `  ${pad(`${name}:`, width)}${value}`)].join(
    '\n',
  );
}

function inputOf(args: Args): ServeInput {
  const url = text(args, 'url');
  const tls = tlsOf(text(args, 'tlsCert'), text(args, 'tlsKey'));
  const proxies = text(args, 'behindProxy')?.split(',');
  const sweepEveryMs = sweepEvery(text(args, 'sweepEvery') ?? '1m');
  return {
    listen: listenOf(text(args, 'listen') ?? '127.0.0.1:8300'),
    ...(url === undefined ? {} : { url }),
    ...(tls === undefined ? {} : { tls }),
    ...(proxies === undefined ? {} : { behindProxy: proxies.map((one) => one.trim()).filter((one) => one !== '') }),
    ...(sweepEveryMs === undefined ? {} : { sweepEveryMs }),
  };
}

function listenOf(written: string): ServeInput['listen'] {
  const [, six, name, digits = ''] = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(written) ?? [];
  const host = six ?? name;
  const port = Number(digits);
  if (host !== undefined && port <= 65_535) return { host, port };
  throw usage(`--listen ${written}: is not an address with a port`, 'write for example 127.0.0.1:8300, 0.0.0.0:443 or [::]:443');
}

function tlsOf(cert: string | undefined, key: string | undefined): ServeInput['tls'] {
  if (cert === undefined && key === undefined) return undefined;
  if (cert !== undefined && key !== undefined) return { cert, key };
  const [has, lacks] = cert === undefined ? ['--tls-key', '--tls-cert'] : ['--tls-cert', '--tls-key'];
  throw usage(`${has} needs ${lacks}`, 'name both files');
}

const least = 1_000;

function sweepEvery(written: string): number | undefined {
  if (written === 'off') return undefined;
  const parsed = parseDuration(written);
  if ('ms' in parsed && parsed.ms >= least) return parsed.ms;
  throw usage(`--sweep-every ${written}: ${'fault' in parsed ? parsed.fault : 'is too short'}`, 'write for example 1m, or off');
}
