// One's own password and theme, and what holds for the whole cluster.

import type { ClusterAuthority } from '@halflap/server';
import { Button, Card, CardBody, CardTitle, Form, Radio } from '@patternfly/react-core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { ask } from '../api/client';
import { SESSION_KEY, useRead } from '../api/queries';
import { useSkew } from '../api/release';
import { CliLine } from '../components/cli-line';
import { Facts } from '../components/facts';
import { TextField } from '../components/fields';
import { PageBody, PageHead } from '../components/page-head';
import { ProblemAlert } from '../components/problem-alert';
import { useWho } from '../state/session';
import { chooseTheme, THEMES, useTheme } from '../state/theme';
import { commandLine } from '../state/words';
import { GrantLabels } from './access/grants';

export function SettingsPage() {
  const { kind, name, grants } = useWho();
  return (
    <>
      <PageHead title="Settings" cli={commandLine('whoami')} />
      <PageBody>
        <div className="hf-cards">
          <Card isCompact>
            <CardTitle component="h2">You</CardTitle>
            <CardBody>
              <Facts
                of={{ Name: name, 'Signed in as': kind, Roles: <GrantLabels grants={grants} /> }}
              />
            </CardBody>
          </Card>
          <Password />
          <Appearance />
          <Cluster />
        </div>
      </PageBody>
    </>
  );
}

function Password() {
  const client = useQueryClient();
  const changing = useMutation({
    mutationFn: (body: object) => ask('PUT', '/api/v1/session/password', { body }),
    // All sessions end with it, this one, too.
    onSuccess: () => client.invalidateQueries({ queryKey: SESSION_KEY }),
  });
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    changing.mutate({ old: fields.get('old'), new: fields.get('new') });
  };
  return (
    <Card isCompact>
      <CardTitle component="h2">Your password</CardTitle>
      <CardBody>
        <Form onSubmit={onSubmit}>
          <TextField
            name="old"
            label="The one until now"
            type="password"
            autoComplete="current-password"
            isRequired
          />
          <TextField
            name="new"
            label="The new one"
            type="password"
            autoComplete="new-password"
            help="At least 12 letters. All your sessions end, this one, too."
            isRequired
          />
          <ProblemAlert error={changing.error} />
          <div>
            <Button type="submit" variant="secondary" isLoading={changing.isPending}>
              Change the password
            </Button>
          </div>
          <CliLine line={commandLine('users', 'password')} />
        </Form>
      </CardBody>
    </Card>
  );
}

const THEME_TEXTS = { system: 'As the system has it', light: 'Light', dark: 'Dark' } as const;

function Appearance() {
  const theme = useTheme();
  return (
    <Card isCompact>
      <CardTitle component="h2">Light and dark</CardTitle>
      <CardBody>
        <div role="radiogroup" aria-label="Light and dark" className="hf-plain-list">
          {THEMES.map((one) => (
            <Radio
              key={one}
              id={`theme-${one}`}
              name="theme"
              label={THEME_TEXTS[one]}
              isChecked={theme === one}
              onChange={() => chooseTheme(one)}
            />
          ))}
        </div>
      </CardBody>
    </Card>
  );
}

function Cluster() {
  const { data, error } = useRead<ClusterAuthority>('/api/v1/authority', {}, { every: false });
  const skew = useSkew();
  return (
    <Card isCompact>
      <CardTitle component="h2">The cluster</CardTitle>
      <CardBody>
        <ProblemAlert error={error} />
        <Facts
          isNarrow
          of={{
            'Release of this page': HALFLAP_RELEASE,
            'Release of the server': skew.kind === 'same' ? HALFLAP_RELEASE : skew.server,
            'Authority of its certificates': data === undefined ? '…' : <code>{data.pin}</code>,
          }}
        />
        {data !== undefined && (
          <Button
            variant="link"
            isInline
            component="a"
            href={`data:application/x-pem-file,${encodeURIComponent(data.certificate)}`}
            download="halflap-ca.pem"
          >
            Save its certificate
          </Button>
        )}
      </CardBody>
    </Card>
  );
}
