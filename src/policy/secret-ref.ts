/** How a policy names a secret: where it is, never what it is. */

import * as z from 'zod/mini';
import type { SecretRef } from './types.ts';

const form = 'a secret is only named here: { env: NAME }, { file: path } or { command: [program, argument] }';
const text = z.string(form).check(z.minLength(1, form));

export const secretRef: z.ZodMiniType<SecretRef> = z.union(
  [z.strictObject({ env: text }), z.strictObject({ file: text }), z.strictObject({ command: z.array(text).check(z.minLength(1, form)) })],
  form,
);
