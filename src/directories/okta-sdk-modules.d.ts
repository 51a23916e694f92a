/** The parts of Okta's SDK that are loaded by file; it ships their types under other paths. */

declare module '@okta/okta-sdk-nodejs/src/generated/apis/GroupApi.js' {
  export { GroupApiRequestFactory, GroupApiResponseProcessor } from '@okta/okta-sdk-nodejs/src/types/generated/apis/GroupApi';
}

declare module '@okta/okta-sdk-nodejs/src/generated/apis/UserApi.js' {
  export { UserApiRequestFactory, UserApiResponseProcessor } from '@okta/okta-sdk-nodejs/src/types/generated/apis/UserApi';
}

declare module '@okta/okta-sdk-nodejs/src/generated/http/http.js' {
  export { RequestContext, ResponseContext } from '@okta/okta-sdk-nodejs/src/types/generated/http/http';
}

declare module '@okta/okta-sdk-nodejs/src/generated/servers.js' {
  export { ServerConfiguration } from '@okta/okta-sdk-nodejs/src/types/generated/servers';
}
