/** Tests run on the sources; .sql files are text, as in the build. */

import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [
    {
      name: 'sql-as-text',
      transform: (code, id) => (id.endsWith('.sql') ? `export default ${JSON.stringify(code)};` : undefined),
    },
  ],
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/scratch.ts'],
    // Most of them wait for other processes: with as many as there are cores, a third of the time nothing runs.
    maxWorkers: availableParallelism() + 1,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Start-up of real processes is measured elsewhere; this certificate file would be parsed at each start on Node 20.
    env: { NODE_EXTRA_CA_CERTS: '' },
  },
});
