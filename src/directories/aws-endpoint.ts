/** Where a directory at AWS sends its calls. Apart from the schema of its settings, which is not needed once they are read. */

import { isLoopback } from '../http.ts';

/** One address for everything, or one for the directory's own service and one for STS. */
export type Endpoint = string | { readonly [service: string]: string | undefined } | undefined;

export function endpointOf(endpoint: Endpoint, service: string): string | undefined {
  return typeof endpoint === 'string' ? endpoint : endpoint?.[service];
}

/** Whether everything that is asked stays here: the directory's own service, and STS, from which credentials may come. */
export function isOnThisMachine({ endpoint }: { readonly endpoint?: Endpoint }): boolean {
  if (typeof endpoint === 'string') return isLoopback(endpoint);
  const addresses = Object.values(endpoint ?? {}).filter((address) => address !== undefined);
  return addresses.length === 2 && addresses.every(isLoopback);
}
