// The certificate and the key that an operator gives the API, as files: read when the server
// starts, and again when they have been renewed, without a restart.
//
// Invariant: what is served is always a pair that fits. A renewal writes two files one after the
// other; what is found in between is left alone, and looked at again.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { HalflapError } from '@halflap/protocol';
import type { Log } from '../store/store.js';

export interface CertificateFiles {
  /** PEM: the server's own certificate first, then those up to its authority. */
  readonly certificate: string;
  /** PEM, without a passphrase. */
  readonly key: string;
}

/** As Node's TLS takes them. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** @throws CONFIG_INVALID, naming the file; never with what is in it. */
export function readCertificate(files: CertificateFiles): CertificatePair {
  const pair = { cert: textOf(files.certificate), key: textOf(files.key) };
  const certificate = parsed(
    files.certificate,
    'certificate',
    () => new X509Certificate(pair.cert),
  );
  const key = parsed(files.key, 'private key', () => createPrivateKey(pair.key));
  if (certificate.checkPrivateKey(key)) return pair;
  throw invalid(files.key, `the key is not that of the certificate in ${files.certificate}`);
}

/** How the files are looked at again. */
export interface Following {
  readonly everyMs: number;
  readonly log: Log;
  /** What is served now. */
  readonly served: CertificatePair;
  /** Serves another pair from the next handshake on. */
  readonly serve: (pair: CertificatePair) => void;
}

/** Looks at the files again and again. @returns what ends it. */
export function followCertificate(files: CertificateFiles, options: Following): () => void {
  const { everyMs, log, serve } = options;
  let { served } = options;
  let told = '';
  const look = () => {
    try {
      const pair = readCertificate(files);
      told = '';
      if (pair.cert === served.cert && pair.key === served.key) return;
      serve(pair);
      served = pair;
      const { validTo } = new X509Certificate(pair.cert);
      log.info({ file: files.certificate, validTo }, 'serves the renewed certificate');
    } catch (error) {
      if (!(error instanceof HalflapError)) throw error;
      // Half a renewal is normal for a moment; what lasts is told once.
      if (told !== error.message) log.warn({ reason: error.message }, 'keeps its certificate');
      told = error.message;
    }
  };
  const timer = setInterval(look, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw invalid(file, `it cannot be read (${reason})`);
  }
}

function parsed<Value>(file: string, what: string, parse: () => Value): Value {
  try {
    return parse();
  } catch {
    // OpenSSL's own words would say nothing more, and the cause may quote the file.
    throw invalid(file, `it holds no ${what} in PEM, or one with a passphrase`);
  }
}

function invalid(file: string, problem: string): HalflapError {
  return new HalflapError('CONFIG_INVALID', `${file}: ${problem}`, {
    detail: { file },
    hint: 'server: tls_certificate_file has the certificate and its chain, tls_key_file its key',
  });
}
