// What can be set of the API, each with its unit and the reason of its default.

import type { SecureContextOptions } from 'node:tls';
import type { OidcSettings } from '../access/oidc.js';

export interface ApiSettings {
  /** Longest body of a request, in bytes. */
  readonly bodyBytes: number;
  /** Longest time for the headers of a request to come, in ms: slow clients hold a connection. */
  readonly headersMs: number;
  /** Longest time for a whole request to come, in ms. */
  readonly requestMs: number;
  /** Longest time from a request to its answer, in ms. */
  readonly answerMs: number;
  /** How long a list waits for each shard, in ms; those that are later are said to be missing. */
  readonly shardMs: number;
  /** How long the home shard is waited for to say who asks, in ms. */
  readonly homeMs: number;
  /** Most connections at once; later ones are closed. */
  readonly connections: number;
  /** Requests per minute from one address. */
  readonly requestsPerMinute: number;
  /** Between two comments that keep a live view open through proxies, in ms. */
  readonly heartbeatMs: number;
  /** What a live view may have unread, in bytes, before its client is cut off. */
  readonly unreadBytes: number;
  /** Addresses of proxies whose `X-Forwarded-For` is believed; none by default. */
  readonly proxies: readonly string[];
  /** A session ends when it was not used for so long, in seconds. */
  readonly sessionIdleSeconds: number;
  /** A session ends so long after the sign-in, in seconds, however it is used. */
  readonly sessionSeconds: number;
  /** Sign-in by a provider of OpenID Connect; undefined: by password alone. */
  readonly oidc: OidcSettings | undefined;
  /** Certificate and key; undefined: plain HTTP, for a proxy on the same machine and for tests. */
  readonly tls: SecureContextOptions | undefined;
}

export const DEFAULT_SETTINGS: ApiSettings = {
  bodyBytes: 256 * 1024,
  headersMs: 10_000,
  requestMs: 30_000,
  answerMs: 15_000,
  shardMs: 5000,
  homeMs: 2000,
  connections: 4096,
  requestsPerMinute: 6000,
  heartbeatMs: 15_000,
  unreadBytes: 1024 * 1024,
  proxies: [],
  sessionIdleSeconds: 12 * 3600,
  sessionSeconds: 7 * 24 * 3600,
  oidc: undefined,
  tls: undefined,
};
