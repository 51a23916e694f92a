/** From a policy file and the file of its tests to what came of them. Opens no directory, no roster and no ledger, and resolves no secret. */

import { dirname, join, resolve } from 'node:path';
import type { PolicyTest } from '../commands/command.ts';
import { OncallError } from '../errors.ts';
import { readJudged } from '../file-trust.ts';
import { rehearse } from '../operations/rehearse.ts';
import { parseFixtures } from '../policy/fixtures.ts';
import type { Issue } from '../policy/issue.ts';
import { parsePolicy } from '../policy/parse.ts';
import type { Policy } from '../policy/types.ts';
import { type Env, findPolicy } from './find-policy.ts';
import { allKinds, faultsError, readPolicyFile } from './load-policy.ts';

const MAX_BYTES = 1024 * 1024;

/** Whether others could change the policy is of no concern here: nobody gets in by it, and a copy of a repository has to be testable. */
export async function testPolicy(
  options: { readonly policyPath?: string; readonly env: Env; readonly cwd: string },
  file?: string,
): Promise<PolicyTest> {
  const found = readPolicyFile(findPolicy(options));
  const kinds = await allKinds();
  const { policy, issues: faults } = parsePolicy(found.text, { path: found.path, digest: found.digest, kinds });
  if (policy === undefined) throw faultsError(found, faults);
  const tests = file === undefined ? join(dirname(found.path), 'oncall.test.yaml') : resolve(options.cwd, file);
  const { fixtures, issues } = parseFixtures(readTests(tests, file === undefined), { policy, machines: machinesOf(policy, kinds.oidc) });
  if (fixtures === undefined) throw testFaults(tests, issues);
  return { policy: found.path, tests, issues, ...(await rehearse(policy, fixtures)) };
}

const machinesOf = ({ identity }: Policy, oidc: Awaited<ReturnType<typeof allKinds>>['oidc']): Record<string, string> =>
  Object.assign({}, ...identity.map((one) => (one.kind === 'oidc' ? oidc.machines(one.settings) : {})));

function readTests(path: string, isDefault: boolean): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readJudged(path, MAX_BYTES).bytes);
  } catch (error) {
    throw new OncallError('tests-unreadable', `the tests ${path} cannot be read`, {
      exit: 2,
      why: `${error instanceof Error ? error.message : error} (${isDefault ? 'the file beside the policy, as none was named' : 'named on the command line'})`,
      next: isDefault
        ? 'name another: oncall policy test FILE; what stands in one: docs/policy.md'
        : 'check the path, the file and its mode',
      cause: error,
    });
  }
}

function testFaults(path: string, issues: readonly Issue[]): OncallError {
  const faults = issues.filter(({ severity }) => severity === 'error');
  return new OncallError('tests-faults', `the tests ${path} have ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}`, {
    exit: 2,
    why: faults
      .map(
        ({ line, column, code, message, hint }) => `${path}:${line}:${column} ${code} ${message}${hint === undefined ? '' : ` (${hint})`}`,
      )
      .join('\n'),
    next: `mend it, then: oncall policy test ${path}`,
  });
}
