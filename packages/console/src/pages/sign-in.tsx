// For who is not signed in: the password, the provider, or the very first user.

import type { SignInWays } from '@halflap/server';
import { Alert, Button, Card, CardBody, CardTitle, Divider, Form } from '@patternfly/react-core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect } from 'react';
import { ask } from '../api/client';
import { SESSION_KEY } from '../api/queries';
import { CliLine } from '../components/cli-line';
import { TextField } from '../components/fields';
import { ProblemAlert } from '../components/problem-alert';
import { ReleaseNote } from '../components/release-note';
import { ThemeMenu } from '../components/theme-menu';
import { textOf } from '../state/field-values';
import { commandLine } from '../state/words';

export function SignInPage({ ways }: { readonly ways: SignInWays }) {
  const title = ways.needsSetup ? 'Make the first user' : 'Sign in';
  useEffect(() => {
    document.title = `${title} – Halflap`;
  }, [title]);
  return (
    <main className="hf-alone">
      <ReleaseNote />
      <div className="hf-alone-head">
        <p className="hf-brand">Halflap</p>
        <ThemeMenu />
      </div>
      <Card>
        <CardTitle component="h1">{title}</CardTitle>
        <CardBody>{ways.needsSetup ? <SetUp /> : <Password />}</CardBody>
        {ways.provider && (
          <CardBody>
            <Divider className="hf-divider" />
            <Button
              isBlock
              variant="secondary"
              component="a"
              href={`/api/v1/oidc/start?returnTo=${encodeURIComponent(here())}`}
            >
              Sign in with the provider
            </Button>
          </CardBody>
        )}
      </Card>
      <CliLine
        line={commandLine('login', '--server', location.origin, ways.needsSetup && '--setup')}
      />
    </main>
  );
}

function here(): string {
  return `${location.pathname}${location.search}`;
}

/** Sends the fields, and then asks anew who is signed in. */
function useSigningIn(path: string, fieldNames: readonly string[]) {
  const client = useQueryClient();
  const signing = useMutation({
    mutationFn: (body: object) => ask('POST', path, { body }),
    onSuccess: () => client.invalidateQueries({ queryKey: SESSION_KEY }),
  });
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const read = (name: string) =>
      name === 'password' ? String(fields.get(name) ?? '') : textOf(fields, name);
    signing.mutate(Object.fromEntries(fieldNames.map((name) => [name, read(name)])));
  };
  return { ...signing, onSubmit };
}

function Password() {
  const { error, isPending, onSubmit } = useSigningIn('/api/v1/session', ['name', 'password']);
  return (
    <Form onSubmit={onSubmit}>
      <TextField name="name" label="Name" autoComplete="username" isRequired />
      <TextField
        name="password"
        label="Password"
        type="password"
        autoComplete="current-password"
        isRequired
      />
      <ProblemAlert error={error} />
      <Button type="submit" isBlock isLoading={isPending} isDisabled={isPending}>
        Sign in
      </Button>
    </Form>
  );
}

function SetUp() {
  const fields = ['token', 'name', 'password'];
  const { error, isPending, onSubmit } = useSigningIn('/api/v1/setup', fields);
  return (
    <Form onSubmit={onSubmit}>
      <Alert component="p" isInline isPlain variant="info" title="There is no user yet">
        The server printed a token when it started. With it you become the first user, an
        administrator.
      </Alert>
      <TextField name="token" label="Token" isRequired />
      <TextField name="name" label="Name" autoComplete="username" isRequired />
      <TextField
        name="password"
        label="Password"
        type="password"
        autoComplete="new-password"
        isRequired
      />
      <ProblemAlert error={error} />
      <Button type="submit" isBlock isLoading={isPending} isDisabled={isPending}>
        Make the user and sign in
      </Button>
    </Form>
  );
}
