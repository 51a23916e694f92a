/** Whether everything that an aws-iam directory is asked stays on this machine. */

import { isLoopback } from '../http.ts';
import type { Settings } from './aws-iam.ts';

export function isOnThisMachine({ endpoint }: Settings): boolean {
  const urls = typeof endpoint === 'string' ? [endpoint, endpoint] : [endpoint?.iam, endpoint?.sts];
  return urls.every((address) => address !== undefined && isLoopback(address));
}
