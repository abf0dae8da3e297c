// Signs in by name and password, for as long as something takes.

import type { ApiClient, Session } from './client.js';
import { OPERATIONS } from './operations.js';

export interface Person {
  readonly name: string;
  readonly password: string;
  /** Makes him the first user, with the token that the server printed. */
  readonly setupToken?: string;
}

/** @throws API_UNAUTHENTICATED for another password, and what `body` does */
export async function withSession<Result>(
  client: ApiClient,
  { name, password, setupToken }: Person,
  body: (client: ApiClient) => Promise<Result>,
): Promise<Result> {
  const person = { name, password };
  const { value, cookies } =
    setupToken === undefined
      ? await client.askForCookies(OPERATIONS.beginSession, { body: person })
      : await client.askForCookies(OPERATIONS.setUp, { body: { ...person, token: setupToken } });
  const session: Session = { cookie: cookieOf(cookies), csrfToken: value.csrfToken };
  const own = client.inSession(session);
  try {
    return await body(own);
  } finally {
    // It ends by itself, too; and a new password has ended it already.
    await own.ask(OPERATIONS.endSession, {}).catch(() => {});
  }
}

/** Names and values, without what browsers do with them (RFC 6265, section 4.2). */
function cookieOf(cookies: readonly string[]): string {
  return cookies.map((one) => one.split(';')[0] ?? '').join('; ');
}
