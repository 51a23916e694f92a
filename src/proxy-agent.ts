/** An agent that reaches its hosts through the proxy's CONNECT, with TLS from end to end inside. Loaded only where a proxy is named. */

import { type ClientRequest, request } from 'node:http';
import { Agent, request as secureRequest } from 'node:https';
import { isIPv6, type Socket } from 'node:net';
import { Duplex, PassThrough, pipeline } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { causeOf } from './http.ts';
import { type ProxyFault, type ProxyServer, proxyFor } from './proxy.ts';

type Where = { readonly host?: string | null | undefined; readonly port?: number | string | null | undefined };

/** One for the whole process: connections are shared. */
export const tunnels: Agent = openAgent();

function openAgent(): Agent {
  const agent = new Agent({ keepAlive: true });
  const straight = agent.createConnection.bind(agent) as (options: object) => TLSSocket;
  return Object.assign(agent, {
    createConnection: (options: Where) => {
      const target = `${isIPv6(options.host ?? '') ? `[${options.host}]` : options.host}:${options.port}`;
      const proxy = proxyFor(new URL(`https://${target}`));
      return proxy === undefined ? straight(options) : tunnelled(proxy, target, (socket) => straight({ ...options, socket }));
    },
  });
}

/**
 * TLS begins at once on a pipe that is put through once the proxy agrees: Node lets go of a request that is given up only where it has its socket,
 * so that one which is still to come would outlive every time-out. And what a proxy answers instead never passes for an answer of the host.
 */
function tunnelled(proxy: ProxyServer, target: string, secure: (pipe: Duplex) => TLSSocket): TLSSocket {
  const [out, back] = [new PassThrough(), new PassThrough()];
  const socket = secure(Duplex.from({ writable: out, readable: back }));
  const asking = ask(proxy, target);
  const fail = (fault: ProxyFault): void => void socket.destroy(asError(fault));
  socket.once('close', () => asking.destroy());
  asking.on('error', (error) => fail(unreachable(proxy, error)));
  asking.once('connect', ({ statusCode = 0 }, raw: Socket) => {
    raw.on('error', () => undefined);
    socket.once('close', () => raw.destroy());
    if (statusCode < 200 || statusCode > 299) return fail(refused(proxy, target, statusCode));
    // An idle connection that is kept must not keep the process.
    Object.assign(socket, { ref: () => raw.ref() && socket, unref: () => raw.unref() && socket });
    pipeline(out, raw, back, () => socket.destroy());
  });
  asking.end();
  return socket;
}

function ask({ address }: ProxyServer, target: string): ClientRequest {
  const { protocol, hostname, port, username, password } = address;
  const signIn = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return (protocol === 'https:' ? secureRequest : request)({
    method: 'CONNECT',
    host: hostname.replace(/^\[|\]$/g, ''),
    port,
    path: target,
    headers: {
      host: target,
      'user-agent': 'oncall',
      ...(signIn === ':' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(signIn).toString('base64')}` }),
    },
    agent: false,
  });
}

function asError(proxy: ProxyFault): Error {
  return Object.assign(new Error(`cannot be reached ${proxy.how}`), { code: 'EPROXY', proxy });
}

function refused({ host, address, variable }: ProxyServer, target: string, status: number): ProxyFault {
  const through = `through the proxy ${host}: `;
  if (status === 407) {
    const hasSignIn = address.username !== '' || address.password !== '';
    return {
      fault: 'credentials',
      how: `${through}${hasSignIn ? `it does not accept the user and password of ${variable}` : 'it wants a user and a password'} (407)`,
      next: `${hasSignIn ? 'correct them' : 'write them'} in ${variable}: http://user:password@${host}`,
    };
  }
  const lets = `let the proxy connect to ${target}; or, where that is reached without it, name the host in NO_PROXY`;
  if (status >= 500) return { fault: 'unavailable', how: `${through}it cannot connect to ${target} (${status})`, next: lets };
  return { fault: 'unavailable', how: `${through}it does not let ${target} through (${status})`, next: lets };
}

function unreachable({ host, variable }: ProxyServer, error: Error): ProxyFault {
  const { because } = causeOf(error);
  const next = because.includes('certificate') ? 'name its certificate in NODE_EXTRA_CA_CERTS' : 'look whether the proxy runs';
  return { fault: 'unavailable', how: `through the proxy ${host}: ${because}`, next: `check ${variable}; ${next}` };
}
