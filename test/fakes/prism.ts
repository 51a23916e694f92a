/** Prism before a provider's own API document: as a mock of the provider, or between us and a fake, where it rejects whatever breaks the document. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** The documents are not part of this project; `undefined` where they are absent, and the test says that it skips. */
export function vendorDocument(name: string): string | undefined {
  const path = resolve(__dirname, '../../../shared/specs', name);
  if (existsSync(path)) return path;
  console.log(`skipped: no ${name} in ../shared/specs, so nothing was checked against the vendor's document`);
  return undefined;
}

type Amend = (document: { components: { schemas: Record<string, { properties: Record<string, unknown> }> } }) => void;

/** With `upstream` it passes everything on and answers 4xx or 5xx where request or answer breaks the document; without, it answers with the document's examples. */
export async function startPrism(
  document: string,
  upstream?: string,
  amend: Amend = () => {},
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'oncall-prism-'));
  const amended = JSON.parse(readFileSync(document, 'utf8'));
  amend(amended);
  const served = join(folder, 'document.json');
  writeFileSync(served, JSON.stringify(amended));
  const port = await freePort();
  const program = createRequire(__filename).resolve('@stoplight/prism-cli/dist/index.js');
  const mode = upstream === undefined ? ['mock', served] : ['proxy', served, upstream];
  const child = spawn(process.execPath, [program, ...mode, '-h', '127.0.0.1', '-p', String(port), '--errors'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await listening(child);
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((done) => {
        child.once('exit', () => {
          rmSync(folder, { recursive: true });
          done();
        });
        child.kill('SIGKILL');
      }),
  };
}

function listening(child: ChildProcess): Promise<void> {
  return new Promise((ready, fail) => {
    let said = '';
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Prism is listening')) ready();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', fail);
    child.once('exit', (code) => fail(new Error(`prism ended with ${code}: ${said}`)));
  });
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
