/** The part of oidc-provider that test/fakes/issuer.ts uses; version 8 comes without types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export type ProviderContext = {
    readonly oidc?: { readonly route?: string; readonly params?: Readonly<Record<string, unknown>> };
    readonly path: string;
    body: Record<string, unknown>;
    status: number;
  };

  export default class Provider {
    /** Whether `X-Forwarded-Proto` counts. */
    proxy: boolean;
    constructor(issuer: string, configuration: Readonly<Record<string, unknown>>);
    use(middleware: (context: ProviderContext, next: () => Promise<void>) => Promise<void>): void;
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  }
}
