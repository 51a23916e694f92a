/** Every command, in the order of the help. The next one goes here: one line. */

import { adopt } from './adopt.ts';
import { approve } from './approve.ts';
import { auditList } from './audit-list.ts';
import { auditVerify } from './audit-verify.ts';
import type { Command } from './command.ts';
import { completion } from './completion.ts';
import { deny } from './deny.ts';
import { doctor } from './doctor.ts';
import { explain } from './explain.ts';
import { init } from './init.ts';
import { ledgerCopy } from './ledger-copy.ts';
import { ledgerRecover } from './ledger-recover.ts';
import { login, logout, whoami } from './login.ts';
import { policyCheck } from './policy-check.ts';
import { policyTest } from './policy-test.ts';
import { release } from './release.ts';
import { request } from './request.ts';
import { revoke } from './revoke.ts';
import { roles } from './roles.ts';
import { serve } from './serve.ts';
import { status } from './status.ts';
import { sweep } from './sweep.ts';

export const commands: readonly Command[] = [
  request,
  status,
  roles,
  explain,
  release,
  approve,
  deny,
  revoke,
  sweep,
  serve,
  doctor,
  adopt,
  auditList,
  auditVerify,
  ledgerRecover,
  ledgerCopy,
  init,
  policyCheck,
  policyTest,
  login,
  logout,
  whoami,
  completion,
];
