// Where a page says that the server has another release than it.

import { Alert, AlertActionLink } from '@patternfly/react-core';
import { useSkew } from '../api/release';

export function ReleaseNote() {
  const skew = useSkew();
  if (skew.kind === 'same') return null;
  const isNewer = skew.kind === 'newer';
  return (
    <Alert
      component="p"
      isInline
      id="release-note"
      className="hf-release-note"
      variant={isNewer ? 'info' : 'warning'}
      title={
        isNewer
          ? `The servers have release ${skew.server}; this page is of ${HALFLAP_RELEASE}`
          : `The server that answers has release ${skew.server}; this page is of ${HALFLAP_RELEASE}`
      }
      {...(isNewer
        ? {
            actionLinks: (
              <AlertActionLink onClick={() => location.reload()}>Reload</AlertActionLink>
            ),
          }
        : {})}
    >
      {isNewer
        ? 'It goes on working. Reload it when it suits you, to see what is new.'
        : 'What is new in this release may be refused until that server is upgraded, too.'}
    </Alert>
  );
}
