// The authority that servers' certificates are from, as --ca names it.

import { readFileSync } from 'node:fs';
import { HalflapError } from '@halflap/protocol';

/** Certificates in PEM. @throws CONFIG_INVALID */
export function readAuthority(file: string): string {
  let text = '';
  let reason = 'it holds no certificate in PEM';
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new HalflapError('CONFIG_INVALID', `--ca ${file}: ${reason}`, {
    detail: { file },
    hint: 'name the file of the authority that the server’s certificate is from',
  });
}
