// An error as the server tells it: what failed, which fields, what stands
// against it, what to do next.

import { Alert, AlertActionLink, List, ListItem } from '@patternfly/react-core';
import { ApiError } from '../api/client';

interface Props {
  readonly error: Error | null;
  onRetry?(): void;
}

export function ProblemAlert({ error, onRetry }: Props) {
  if (error === null) return null;
  const problem = error instanceof ApiError ? error.problem : undefined;
  const id = problem?.instance.replace(/^urn:uuid:/, '') ?? '';
  return (
    <Alert
      component="p"
      isInline
      variant="danger"
      title={problem?.title ?? 'The console failed at this.'}
      {...(onRetry === undefined
        ? {}
        : { actionLinks: <AlertActionLink onClick={onRetry}>Try again</AlertActionLink> })}
    >
      {problem?.fields === undefined ? (
        <p>{error.message}</p>
      ) : (
        <List isPlain>
          {problem.fields.map(({ field, rule }) => (
            <ListItem key={`${field} ${rule}`}>
              <strong>{field.replace(/^(?:body|query)\./, '')}</strong>: {rule}
            </ListItem>
          ))}
        </List>
      )}
      {problem?.evidence !== undefined && problem.evidence.length > 0 && (
        <List>
          {problem.evidence.map((line) => (
            <ListItem key={line}>{line}</ListItem>
          ))}
        </List>
      )}
      {problem?.hint !== undefined && <p>{problem.hint}</p>}
      {problem !== undefined && (
        <p className="hf-quiet">
          {problem.code}
          {id !== '' && `, request ${id}`}
        </p>
      )}
    </Alert>
  );
}
