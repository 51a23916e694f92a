/** AWS as moto_server plays it: a real process, if one is installed. What moto does not know is put right by `asRealIam`, before a fault proxy. */

import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { request as send } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import type { Answer, SeenRequest } from './fault-proxy.ts';

export type Moto = { readonly url: string; reset(): Promise<void>; stop(): Promise<void> };

/** The account of everything in moto, unless somebody assumes an IAM role elsewhere. */
export const motoAccount = '123456789012';

function findMoto(): string | undefined {
  const candidates = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'moto_server'));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** For the title of what is skipped. */
export const noMoto = findMoto() === undefined ? 'moto_server is not installed' : undefined;

/** `undefined`: moto_server is not installed. `checkAuthAfter`: so many calls are free, then signatures and IAM policies are enforced. */
export async function startMoto(options: { readonly checkAuthAfter?: number } = {}): Promise<Moto | undefined> {
  const binary = findMoto();
  if (binary === undefined) return undefined;
  const port = await freePort();
  const auth = options.checkAuthAfter === undefined ? {} : { INITIAL_NO_AUTH_ACTION_COUNT: String(options.checkAuthAfter) };
  const child = spawn(binary, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore', env: { ...process.env, ...auth } });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const url = `http://127.0.0.1:${port}`;
  await untilUp(url, child);
  return {
    url,
    reset: async () => void (await status(`${url}/moto-api/reset`, 'POST')),
    stop: async () => {
      process.removeListener('exit', kill);
      const ended = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null) {
        kill();
        await ended;
      }
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilUp(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if ((await status(`${url}/moto-api/data.json`)) === 200) return;
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('moto_server did not start');
}

async function status(url: string, method = 'GET'): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = send(url, { method, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    request.on('error', () => resolve(undefined));
    request.end();
  });
}

const lists: Readonly<Record<string, string>> = {
  ListUsers: 'Users',
  GetGroup: 'Users',
  ListGroups: 'Groups',
  ListGroupsForUser: 'Groups',
  GetAccountAuthorizationDetails: 'UserDetailList',
};

/** moto answers every list whole and makes ids without IAM's prefixes. This cuts lists into pages of `pageSize` and gives ids their prefix. */
export function asRealIam(pageSize: number): (request: SeenRequest, answer: Answer) => Answer {
  return (request, answer) => {
    const list = lists[request.action];
    const body = answer.body
      .replace(/<UserId>([a-z0-9]+)<\/UserId>/g, (_, id: string) => `<UserId>AIDA${id.toUpperCase()}</UserId>`)
      .replace(/<GroupId>([a-z0-9]+)<\/GroupId>/g, (_, id: string) => `<GroupId>AGPA${id.toUpperCase()}</GroupId>`);
    return {
      ...answer,
      body: list && answer.status === 200 ? cut(body, list, Number(new URLSearchParams(request.body).get('Marker') ?? 0), pageSize) : body,
    };
  };
}

function cut(body: string, list: string, from: number, pageSize: number): string {
  const whole = new RegExp(`<${list}>([\\s\\S]*)</${list}>|<${list} ?/>`).exec(body);
  const items = membersIn(whole?.[1] ?? '');
  const more = from + pageSize < items.length;
  const page = `<${list}>${items.slice(from, from + pageSize).join('')}</${list}><IsTruncated>${more}</IsTruncated>${more ? `<Marker>${from + pageSize}</Marker>` : ''}`;
  return body.replace(/<IsTruncated>\w+<\/IsTruncated>/, '').replace(whole?.[0] ?? '', page);
}

/** Of a list, without those of lists within them. */
function membersIn(list: string): string[] {
  const items: string[] = [];
  let [depth, from] = [0, 0];
  for (const { 0: tag, index } of list.matchAll(/<\/?member>/g)) {
    if (tag === '<member>' && depth++ === 0) from = index;
    if (tag === '</member>' && --depth === 0) items.push(list.slice(from, index + tag.length));
  }
  return items;
}

/** An error as IAM words it. */
export function iamError(status: number, code: string, message: string, headers: Record<string, string> = {}): Answer {
  const body = `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>7a62c49f</RequestId></ErrorResponse>`;
  return { status, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': '7a62c49f', ...headers }, body };
}
