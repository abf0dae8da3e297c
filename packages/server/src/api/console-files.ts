// The console: files that its build made, and index.html for every address that is a page of it.
//
// Invariant: only files that were there at the start are served. What its build names by a hash of
// its content may be kept for ever; everything else is asked for anew. Scripts and styles come from
// this server's files alone, never from the page itself.

import { relative } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Where the build puts what it names by a hash. */
const HASHED = 'assets/';

/** Addresses that are no page: a wrong one of them is an error for whoever asks it. */
const NO_PAGE = /^\/(?:api|assets|healthz|readyz|metrics)(?:[/?]|$)/;

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // The styles have small pictures in them.
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** @param directory with index.html; what is compressed lies beside its file as `.br`. */
export async function serveConsole(app: FastifyInstance, directory: string): Promise<void> {
  await app.register(fastifyStatic, {
    root: directory,
    wildcard: false,
    globIgnore: ['**/*.br', '.*'],
    preCompressed: true,
    cacheControl: false,
    setHeaders(reply, path) {
      const isHashed = relative(directory, path).startsWith(HASHED);
      reply.headers({
        'content-security-policy': POLICY,
        'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
      });
    },
  });
}

/** Answers with the page that an address is. @returns false when it is none. */
export function sendPage(request: FastifyRequest, reply: FastifyReply): boolean {
  if (request.method !== 'GET' || NO_PAGE.test(request.url)) return false;
  reply.code(200).sendFile('index.html');
  return true;
}
