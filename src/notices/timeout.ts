/** How long a channel may take for one document: all kinds have the same setting. */

import * as z from 'zod/mini';

export const timeout = z.exactOptional(z.string().check(z.regex(/^([1-9]|1\d|20)s$/, 'needs seconds from 1s to 20s')));

export const timeoutMs = (written: string | undefined): number => Number.parseInt(written ?? '5s', 10) * 1000;
