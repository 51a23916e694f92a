/**
 * Loaded before the real command line (`node --require`): counts the points at which a kill could matter, and at one of them is killed.
 * Points lie around every write transaction of the ledger, in a file or on PostgreSQL, and every HTTP request: before it is sent, when it
 * has left (the provider applies it, nobody hears the answer), and when its answer has come.
 * FAILPOINT=n: SIGKILL at the n-th. FAILPOINT_LOG=file: the names of those passed. FAILPOINT_SKIP=text: those with it in their names do not count.
 */
const { appendFileSync } = require('node:fs');
const http = require('node:http');
const Module = require('node:module');
const net = require('node:net');

const wanted = Number(process.env.FAILPOINT ?? 0);
const log = process.env.FAILPOINT_LOG;
const skip = process.env.FAILPOINT_SKIP;
let passed = 0;

function point(name) {
  if (skip && name.includes(skip)) return;
  passed += 1;
  if (log) appendFileSync(log, `${name}\n`);
  if (passed === wanted) process.kill(process.pid, 'SIGKILL');
}

const open = http.request;
http.request = (...args) => {
  const request = open(...args);
  const what = `${request.method} ${request.path.split('?')[0]}`;
  const end = request.end;
  request.end = (...rest) => {
    point(`before ${what}`);
    return end.apply(request, rest);
  };
  request.once('finish', () => point(`sent ${what}`));
  request.prependOnceListener('response', () => point(`answered ${what}`));
  return request;
};

// libsql's own JavaScript is in the bundle; its native part is looked up like any module.
const load = Module._load;
Module._load = (name, ...rest) => {
  const loaded = load(name, ...rest);
  if (!/^@libsql\//.test(name) || loaded.failpoints) return loaded;
  const exec = loaded.databaseExecSync;
  let writing = false;
  const databaseExecSync = function (sql) {
    const commits = sql === 'COMMIT' && writing;
    if (commits) point('before COMMIT');
    exec.call(this, sql);
    if (commits) point('after COMMIT');
    writing = sql === 'BEGIN IMMEDIATE';
  };
  return { ...loaded, failpoints: true, databaseExecSync };
};

// The driver of PostgreSQL is in the bundle; its messages leave by a socket in plain.
const write = net.Socket.prototype.write;
net.Socket.prototype.write = function (chunk, ...rest) {
  if (!Buffer.isBuffer(chunk) || !chunk.includes('COMMIT\0')) return write.call(this, chunk, ...rest);
  point('before COMMIT to PostgreSQL');
  this.prependOnceListener('data', () => point('after COMMIT to PostgreSQL'));
  const isSent = write.call(this, chunk, ...rest);
  point('sent COMMIT to PostgreSQL');
  return isSent;
};
