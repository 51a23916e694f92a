/** chalk at one level that was computed before; chalk itself would look at other variables (it does not read NO_COLOR). */

import { Chalk, type ChalkInstance } from 'chalk';

export function newChalk(level: 1 | 2 | 3): ChalkInstance {
  return new Chalk({ level });
}
