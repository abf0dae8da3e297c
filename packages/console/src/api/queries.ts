// How pages read: cached by what is asked, and asked again politely. What is shown is asked again
// while somebody looks: a tab in the background asks nothing.

import type { Page } from '@halflap/server';
import {
  keepPreviousData,
  QueryCache,
  QueryClient,
  type UseQueryResult,
  useMutation,
  useQueries,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { ApiError, ask, type Query } from './client';

/** Between two looks at a list, in ms. */
export const LIST_MS = 15_000;
/** Between two looks at what is under way, in ms. */
export const WATCH_MS = 2000;

export const SESSION_KEY = ['session'] as const;

export function createQueries(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError: (error, { queryKey }) => {
        // The session has ended, by time or by an administrator: sign in again.
        const hasEnded = error instanceof ApiError && error.problem.status === 401;
        if (hasEnded && queryKey[0] !== SESSION_KEY[0]) {
          void client.invalidateQueries({ queryKey: SESSION_KEY });
        }
      },
    }),
    defaultOptions: {
      queries: {
        retry: (failures, error) =>
          error instanceof ApiError && error.problem.retryable && failures < 2,
        refetchOnWindowFocus: true,
        staleTime: 1000,
      },
    },
  });
  return client;
}

interface Watching {
  /** In ms; false: it is read once. */
  readonly every?: number | false;
  readonly enabled?: boolean;
}

/** Reads an address. */
export function useRead<Answer>(
  path: string,
  query: Query = {},
  watching: Watching = {},
): UseQueryResult<Answer> {
  return useQuery(readOf<Answer>(path, query, watching));
}

/** What `select` finds in what others on the page read of each address; asks nothing itself. */
export function useSeen<Answer>(paths: readonly string[], select: (answer: Answer) => boolean) {
  return useQueries({
    queries: paths.map((path) => ({ ...readOf<Answer>(path, {}, { enabled: false }), select })),
  });
}

function readOf<Answer>(path: string, query: Query, { every = LIST_MS, enabled = true }: Watching) {
  return {
    queryKey: [path, query],
    queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
      ask<Answer>('GET', path, { query, signal }),
    refetchInterval: every,
    enabled,
    placeholderData: keepPreviousData,
  } as const;
}

/** Reads one page of a list. */
export function useList<Item>(path: string, query: Query = {}, watching: Watching = {}) {
  return useRead<Page<Item>>(path, query, watching);
}

/** Does something, after which all that is shown is read again. */
export function useAct<Given, Answer = unknown>(act: (given: Given) => Promise<Answer>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: act, onSuccess: () => client.invalidateQueries() });
}
