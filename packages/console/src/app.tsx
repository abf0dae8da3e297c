// Who sees what: signing in, or the frame with its pages.

import { Bullseye, Spinner } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { SESSION_KEY } from './api/queries';
import { ProblemAlert } from './components/problem-alert';
import { Frame } from './frame';
import { Pages } from './pages/pages';
import { SignInPage } from './pages/sign-in';
import { SessionProvider, useSessionQuery } from './state/session';

export function App() {
  const { data, error } = useSessionQuery();
  const client = useQueryClient();
  if (data === undefined) {
    return (
      <main className="hf-alone">
        <h1 className="hf-brand">Halflap</h1>
        {error === null ? (
          <Bullseye>
            <Spinner aria-label="Asking the server" />
          </Bullseye>
        ) : (
          <ProblemAlert
            error={error}
            onRetry={() => client.invalidateQueries({ queryKey: SESSION_KEY })}
          />
        )}
      </main>
    );
  }
  if (data.who === null) return <SignInPage ways={data.ways} />;
  return (
    <SessionProvider value={data.who}>
      <Frame>
        <Pages />
      </Frame>
    </SessionProvider>
  );
}
