/** Why a broker gave no answer, or none that can be used, in three parts: what, why, and what to do. Nothing of what was sent is ever in them. */

import { type ExitCode, OncallError } from '../errors.ts';
import { causeOf, whatCame } from '../http.ts';
import { proxyFault, viaProxy } from '../proxy.ts';
import { connectMs, type Failed, type Reply } from './client-http.ts';

/** Whom is spoken to, by whom, and whether what was asked changes anything. */
export type About = {
  readonly origin: string;
  /** This program's. */
  readonly version: string;
  readonly now: () => number;
  readonly writes: boolean;
  readonly timeoutMs: number;
};

/** `again`: it may pass by itself within a moment. */
export type Fault = { readonly error: OncallError; readonly again?: true };

const brokerError = (code: string, message: string, why: string, next: string, exit: ExitCode = 1): OncallError =>
  new OncallError(code, message, { exit, why, next });

const onceMore = ({ writes }: About): string =>
  writes ? 'oncall status shows what holds now; the same command again is safe' : 'the same command again';

export function noAnswer({ failed, error }: Failed, about: About): Fault {
  const { origin } = about;
  if (failed === 'stopped') return { error: new OncallError('interrupted', `stopped before the broker ${origin} answered`, { exit: 130 }) };
  if (failed === 'unconnected')
    return { error: unreachable(about, `there was no connection within ${connectMs / 1000} s${viaProxy(origin)}`, reach) };
  if (failed === 'late') {
    const unknown = about.writes ? '; whether it was done is not known' : '';
    const why = `it did not answer within ${about.timeoutMs / 1000} s${unknown}`;
    return { error: brokerError('broker-lost', `the broker ${origin} did not answer in time`, why, onceMore(about)) };
  }
  if (failed === 'too-large') {
    const next = 'ask for less: oncall audit list --limit 1000';
    return {
      error: brokerError(
        'broker-answer',
        `the broker ${origin} answers with too much`,
        'the answer is larger than this program takes',
        next,
      ),
    };
  }
  const proxied = proxyFault(error);
  if (proxied) return { error: brokerError('broker-unreachable', `the broker ${origin} cannot be reached`, proxied.how, proxied.next) };
  return noConnection(causeOf(error).code, about);
}

const reach = 'check the network of this machine (a VPN?); where it is in order, ask who runs the broker';

function unreachable({ origin }: About, why: string, next: string): OncallError {
  return brokerError('broker-unreachable', `the broker ${origin} cannot be reached`, why, next);
}

/** By Node's codes of errors. */
function noConnection(code: string, about: About): Fault {
  const { origin } = about;
  const { because } = causeOf(Object.assign(new Error(), { code }));
  if (['ECONNRESET', 'EPIPE'].includes(code)) {
    const unknown = about.writes ? '; whether it was done is not known' : '';
    const why = `the connection was cut before all of the answer came${viaProxy(origin)}${unknown}`;
    return { error: brokerError('broker-lost', `the broker ${origin} did not answer`, why, onceMore(about)), again: true };
  }
  if (code === 'ECONNREFUSED')
    return {
      error: unreachable(
        about,
        `${because}${viaProxy(origin)}: it is down, or at another address`,
        `ask who runs it; whether it is up: ${origin}/healthz`,
      ),
      again: true,
    };
  if (code === 'EAI_AGAIN') return { error: unreachable(about, because, reach), again: true };
  if (code === 'ENOTFOUND') return { error: unreachable(about, because, `check the address; ${reach}`) };
  if (code === 'ERR_INVALID_CHAR') {
    const message = 'your sign-in cannot be sent';
    return { error: brokerError('token-refused', message, 'it holds a character that is in no token', `oncall login ${origin}`, 4) };
  }
  return { error: unreachable(about, ...tlsFault(code, because, origin)) };
}

function tlsFault(code: string, because: string, origin: string): [why: string, next: string] {
  const { host } = new URL(origin);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return [
      `its TLS certificate is for another name than ${host}`,
      'check the address; where it is right, ask who runs the broker: nothing was sent',
    ];
  if (code === 'CERT_HAS_EXPIRED')
    return [
      'its TLS certificate has ended',
      'check the clock of this machine; where it is right, whoever runs the broker renews the certificate',
    ];
  if (code === 'CERT_NOT_YET_VALID') return ['its TLS certificate is not valid yet', 'check the clock of this machine'];
  if (/CERT|SIGNATURE|SELF_SIGNED/.test(code))
    return [because, 'name the authority that signed it in NODE_EXTRA_CA_CERTS; never switch the check off'];
  if (code === 'EPROTO') return [because, `check the port; http:// is for brokers on this machine alone`];
  if (code.startsWith('HPE_')) return ['what listens there does not speak HTTP', 'check the address'];
  return [because, reach];
}

/** What answered is no broker, or something before it answered in its place. */
export function notABroker({ status, text }: Reply, { origin }: About): OncallError {
  const between = `look for what stands between this machine and ${new URL(origin).host}: a proxy, a sign-in page of the network; or a wrong address`;
  if (status >= 300 && status < 400) {
    return brokerError(
      'broker-redirects',
      `the broker ${origin} sends elsewhere`,
      `it redirects (${status}); a sign-in is sent to nobody but the origin it is for`,
      between,
    );
  }
  if (status >= 502 && status <= 504) {
    return brokerError(
      'broker-unavailable',
      `the broker ${origin} is not available`,
      `what stands before it answers in its place (${status})`,
      'the same command again in a moment; if it stays so, ask who runs the broker',
    );
  }
  return brokerError('not-a-broker', `what answers at ${origin} is no broker`, `it sent ${whatCame(text)} (${status})`, between);
}

export function tooMany({ origin }: About, waitMs: number | undefined, why = 'there were too many in a short time (429)'): OncallError {
  const seconds = waitMs === undefined ? undefined : Math.max(1, Math.ceil(waitMs / 1000));
  const next = `the same command again in ${seconds === undefined ? 'a minute' : `${seconds} s`}`;
  return brokerError('broker-busy', `the broker ${origin} takes no more calls from you just now`, why, next);
}

export function tooLarge({ origin }: About): OncallError {
  return brokerError(
    'input-too-large',
    `the broker ${origin} does not take that much`,
    'what was asked is larger than it accepts (413)',
    'say it in fewer words',
    2,
  );
}

/** Which of the two is the older, and so which is to be upgraded. `theirs` is empty where it does not say. */
export function otherVersion(
  { origin, version }: Pick<About, 'origin' | 'version'>,
  theirs: string,
  why: string,
  cause?: unknown,
): OncallError {
  const broken = (message: string, because: string, next: string) =>
    new OncallError('broker-version', message, { why: because, next, ...(cause === undefined ? {} : { cause }) });
  const age = theirs === '' ? 0 : compareVersions(theirs, version);
  const both = theirs === '' ? 'it does not say which version it is' : `it is oncall ${theirs}, this is ${version}`;
  if (age === 0) return broken(`the broker ${origin} is not understood`, `${why}; ${both}`, 'tell who runs the broker');
  return broken(
    `the broker ${origin} is ${age > 0 ? 'newer' : 'older'} than this program`,
    `${why}; ${both}`,
    age > 0 ? 'upgrade oncall on this machine' : 'whoever runs the broker upgrades it',
  );
}

/** Numbers of a version, most significant first; what follows a hyphen comes before the release. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split(/[-+]/)[0]?.split('.').map(Number) ?? []);
  for (let at = 0; at < 3; at += 1) {
    const difference = (left?.[at] ?? 0) - (right?.[at] ?? 0);
    if (difference !== 0 && !Number.isNaN(difference)) return difference;
  }
  return Number(b.includes('-')) - Number(a.includes('-'));
}

/** The broker's own words about a token, and what the clocks have to do with it. */
export function tokenRefused(said: string, skewMs: number | undefined, about: About): OncallError {
  const { origin } = about;
  const message = `the broker ${origin} does not accept your sign-in`;
  if (skewMs === undefined) {
    // Another login would end in the same way.
    const isClock = /issued in the future|not valid yet/.test(said);
    if (!isClock) return brokerError('token-refused', message, said, `oncall login ${origin}`, 4);
    const next = 'check the clock of this machine; where it is right, ask who runs the broker to look at theirs';
    return brokerError('clock-skew', message, `${said}: the clock of the broker or of this machine is wrong`, next, 4);
  }
  const off = `the clock of this machine is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} the broker's`;
  return brokerError(
    'clock-skew',
    message,
    `${said}; ${off}`,
    'set the clock of this machine right; where it is, tell who runs the broker',
    4,
  );
}
