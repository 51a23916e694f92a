/** From a found history to a short one that shows the same, and to a test that stays. */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changesOf, play, runHistory } from './history.ts';
import { chosen, recorded, seeded } from './random.ts';
import { regressionTest, replays } from './regression.ts';
import { kindOf, type Shrunk, shrink } from './shrink.ts';

const minutes = 60_000;
const root = resolve(__dirname, '../..');
const ablate = 'no-ownership';
const config = `export default {
  test: { include: ['test/found.test.ts'] },
  plugins: [{ name: 'sql', transform: (code, id) => (id.endsWith('.sql') ? 'export default ' + JSON.stringify(code) : undefined) }],
};`;

describe('what was drawn', () => {
  it('gives the same history when it is drawn again', async () => {
    for (let seed = 300; seed < 305; seed++) {
      const first = recorded(seeded(seed));
      const history = await play(first.random);
      expect((await play(chosen(first.choices()))).hash).toBe(history.hash);
      expect((await runHistory(seed)).hash).toBe(history.hash);
    }
  });
});

describe('a violation', () => {
  let seed = 0;
  let whole: readonly string[] = [];
  let shrunk: Shrunk | undefined;
  const folder = mkdtempSync(join(tmpdir(), 'oncall-found-'));

  beforeAll(async () => {
    for (seed = 270; shrunk === undefined && seed < 1000; seed++) {
      const history = await runHistory(seed, ablate);
      if (history.violation === undefined || history.trace.length < 500) continue;
      whole = history.trace;
      shrunk = await shrink(seeded(seed), changesOf(ablate), { tries: 1500, ms: 60_000 });
    }
  }, 3 * minutes);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('shrinks to a much shorter one of the same kind', async () => {
    expect(kindOf(shrunk?.history.violation ?? '')).toBe(
      kindOf(whole.find((line) => line.includes('VIOLATION'))?.split('VIOLATION ')[1] ?? ''),
    );
    expect(shrunk?.history.trace.length).toBeLessThan(whole.length / 2);
    expect(shrunk?.choices.flat().filter((choice) => choice !== 0).length).toBeLessThan(25);
    expect(await replays(shrunk?.choices ?? [])).toBe('holds');
  });

  it(
    'becomes a test that fails with the safeguard taken out, and passes with it',
    async () => {
      for (const name of ['node_modules', 'src']) symlinkSync(join(root, name), join(folder, name));
      mkdirSync(join(folder, 'test'));
      writeFileSync(join(folder, 'vitest.config.mts'), config);
      symlinkSync(join(root, 'test/simulation'), join(folder, 'test/simulation'));
      const test = regressionTest(`--seed ${seed}`, shrunk?.history.violation ?? '', shrunk?.choices ?? []);
      writeFileSync(join(folder, 'test/found.test.ts'), test);
      const run = (env: NodeJS.ProcessEnv): Promise<string> =>
        new Promise((done) => {
          const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', folder];
          execFile(
            process.execPath,
            [...args, '--no-color'],
            { cwd: folder, timeout: minutes, env: { ...process.env, CI: '1', ...env } },
            (_error, out, err) => done(out + err),
          );
        });
      expect(await run({ SIMULATION_ABLATE: ablate })).toMatch(/1 failed/);
      expect(await run({})).toMatch(/1 passed/);
    },
    2 * minutes,
  );
});
