// Where secrets come from, and how they are kept out of everything that is printed.
//
// Invariant: a secret leaves this file only as part of a URL that is handed to the engine; every
// text that may quote one (driver errors, causes, log lines) passes through `redact` before it is
// printed.

import { readFileSync } from 'node:fs';
import { HalflapError } from '@halflap/protocol';

/** One value given in one of three ways; exactly one of the fields is set. */
export interface SecretSource {
  readonly literal?: string;
  /** Name of an environment variable. */
  readonly env?: string;
  /** Path of a file that holds it as its only line. */
  readonly file?: string;
}

const known = new Set<string>();

/**
 * The value of a secret, remembered for redaction. `what` names it in errors: `url of shard eu1`.
 * @throws CONFIG_INVALID when the variable or the file is missing or empty; never quotes the value.
 */
export function readSecret(source: SecretSource, what: string): string {
  const value = rawValue(source, what);
  if (value === '') {
    throw new HalflapError('CONFIG_INVALID', `${what}: ${placeOf(source)} is empty`, {
      hint: `put the ${what.split(' ')[0]} there, on one line`,
    });
  }
  remember(value);
  return value;
}

/**
 * The URL with the password put in; whatever the URL's form, the driver takes it as a parameter.
 */
export function withPassword(url: string, password: string): string {
  const joint = url.includes('?') ? '&' : '?';
  const full = `${url}${joint}password=${encodeURIComponent(password)}`;
  remember(full);
  return full;
}

/** Remembers a URL and the password inside it, so that neither is ever printed. */
export function rememberUrl(url: string): void {
  remember(url);
  const password = passwordOf(url);
  if (password !== undefined) remember(password);
}

/**
 * The text with every known secret of at least SHORTEST letters, plain or as a URL would encode it,
 * replaced by `***`.
 */
export function redact(text: string): string {
  const longestFirst = [...known].sort((left, right) => right.length - left.length);
  return longestFirst.reduce((clean, secret) => clean.replaceAll(secret, '***'), text);
}

/** Of a shorter one, what is missing from every word would tell which letters it has. */
const SHORTEST = 4;

function remember(secret: string): void {
  if (secret.length < SHORTEST) return;
  known.add(secret);
  known.add(encodeURIComponent(secret));
}

function rawValue(source: SecretSource, what: string): string {
  if (source.literal !== undefined) return source.literal;
  if (source.env !== undefined) {
    const value = process.env[source.env];
    if (value !== undefined) return value;
    throw new HalflapError('CONFIG_INVALID', `${what}: ${placeOf(source)} is not set`, {
      hint: `export ${source.env}=…`,
    });
  }
  return secretIn(source.file ?? '', what);
}

function secretIn(path: string, what: string): string {
  const value = textOf(path, what).replace(/[\r\n]+$/, '');
  const lines = value.split('\n').length;
  if (lines === 1) return value;
  throw new HalflapError('CONFIG_INVALID', `${what}: ${path} holds ${lines} lines, expected one`, {
    detail: { file: path },
    hint: `leave the ${what.split(' ')[0]} alone in ${path}`,
  });
}

function textOf(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new HalflapError('CONFIG_INVALID', `${what}: cannot read ${path} (${reason})`, {
      detail: { file: path },
      hint: `make ${path} readable for the user that runs halflap`,
    });
  }
}

function placeOf(source: SecretSource): string {
  if (source.env !== undefined) return `environment variable ${source.env}`;
  if (source.file !== undefined) return `file ${source.file}`;
  return 'the value';
}

/** The password in a URL, decoded; undefined when there is none. */
function passwordOf(url: string): string | undefined {
  const inAuthority = /^[a-z]+:\/\/[^/?#@]*?:([^/?#]*)@/i.exec(url)?.[1];
  const inQuery = /[?&]password=([^&#]*)/i.exec(url)?.[1];
  const encoded = inAuthority ?? inQuery;
  if (encoded === undefined) return undefined;
  remember(encoded);
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
