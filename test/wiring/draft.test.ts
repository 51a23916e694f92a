/** Where `init` may write. What it writes: test/commands/init.test.ts. */

import { expect, it } from 'vitest';
import { draft } from '../../src/wiring/draft.ts';
import { scratch } from './scratch.ts';

it('is no path with a line break, which would be a line of the policy and of the crontab', async () => {
  const options = { env: {}, cwd: scratch(), now: Date.now, signal: new AbortController().signal, log: () => {}, progress: () => {} };
  await expect(draft(options, 'x\nblocked: [ ana@acme.dev ]\n#.yaml')).rejects.toMatchObject({ code: 'bad-path', exit: 2 });
  await expect(draft(options, 'x.yaml')).resolves.toMatchObject({ path: expect.stringMatching(/x\.yaml$/) });
});
