/** Calls `POST /v1/status` on connections that stay open, each the next as soon as the last was answered: a process of its own, told what to do line by line. */
import { connect } from 'node:net';

const body = '{}';

/** The calls that were answered with 200 within `ms`; anything else ends the measurement. */
function load({ port, token, connections, ms }) {
  const request = [
    'POST /v1/status HTTP/1.1',
    `host: 127.0.0.1:${port}`,
    `authorization: Bearer ${token}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
  const from = performance.now();
  let calls = 0;
  const one = () =>
    new Promise((done, failed) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      let [got, wanted] = [0, 0];
      socket.on('connect', () => socket.write(request));
      socket.on('error', failed);
      socket.on('close', () => failed(new Error('the connection was closed')));
      socket.on('data', (chunk) => {
        if (got === 0) wanted = lengthOf(chunk);
        got += chunk.length;
        if (got < wanted) return;
        calls += 1;
        got = 0;
        if (performance.now() - from < ms) return void socket.write(request);
        socket.removeAllListeners('close');
        socket.end();
        done();
      });
    });
  return Promise.all(Array.from({ length: connections }, one)).then(() => ({ calls, ms: performance.now() - from }));
}

/** Of the whole answer; its head comes in one piece. */
function lengthOf(chunk) {
  const end = chunk.indexOf('\r\n\r\n');
  const head = chunk.toString('latin1', 0, end);
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (end < 0 || length === undefined || !head.startsWith('HTTP/1.1 200 ')) throw new Error(`not an answer: ${head}`);
  return end + 4 + Number(length);
}

let rest = '';
process.stdin.setEncoding('utf8').on('data', async (text) => {
  const lines = (rest + text).split('\n');
  rest = lines.pop();
  for (const line of lines) console.log(JSON.stringify(await load(JSON.parse(line))));
});
// Ends with whoever started it.
process.stdin.on('end', () => process.exit(0));
