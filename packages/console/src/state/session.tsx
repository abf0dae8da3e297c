// Who is signed in, and what he may do. The server decides; here is only what need not be offered.

import type { SignInWays, Who } from '@halflap/server';
import { type Permission, type Role, roleHas } from '@halflap/server/permissions';
import { useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import { ask, keepCsrfToken } from '../api/client';
import { SESSION_KEY, WATCH_MS } from '../api/queries';

export interface Session {
  readonly ways: SignInWays;
  /** Null: nobody is signed in. */
  readonly who: Who | null;
}

export function useSessionQuery() {
  return useQuery({
    queryKey: SESSION_KEY,
    queryFn: async ({ signal }): Promise<Session> => {
      const ways = await ask<SignInWays>('GET', '/api/v1/sign-in', { signal });
      const who = ways.signedIn ? await ask<Who>('GET', '/api/v1/session', { signal }) : null;
      keepCsrfToken(who?.csrfToken ?? null);
      return { ways, who };
    },
    staleTime: Number.POSITIVE_INFINITY,
    // Without it there is no page: who waits for the server to come back need not press anything.
    refetchInterval: ({ state }) => (state.status === 'error' ? WATCH_MS : false),
  });
}

const Current = createContext<Who | null>(null);
export const SessionProvider = Current.Provider;

/** Inside of the frame: somebody is signed in. */
export function useWho(): Who {
  const who = useContext(Current);
  if (who === null) throw new Error('a page is shown to nobody');
  return who;
}

/** Whether one has a permission, for some hosts at least. */
export function useMay(permission: Permission): boolean {
  return useWho().grants.some(({ role }) => roleHas(role as Role, permission));
}
