// The key pair of a host: made on it, and never sent anywhere. What leaves is a request for a
// certificate (PKCS #10, RFC 2986), which is signed with it and holds its public half.

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  webcrypto,
  X509Certificate,
} from 'node:crypto';
import { createSecureContext } from 'node:tls';

const CURVE = 'P-256';
/** The authority decides what a certificate is for, and asks the request for the key alone. */
const SUBJECT = [{ CN: ['halflap-agent'] }];

/** A new private key, PKCS #8 in PEM. */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: CURVE });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/**
 * The request for a certificate of that key, in PEM.
 *
 * What makes it takes 17 MB and is needed once in the life of a host, so it is loaded only here,
 * and the request is kept: with the same key it serves for each certificate that follows.
 */
export async function requestFor(key: string): Promise<string> {
  // The next module relies on it, and does not load it itself.
  await import('reflect-metadata');
  const { Pkcs10CertificateRequestGenerator } = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: CURVE };
  const privateKey = createPrivateKey(key);
  const publicKey = createPublicKey(key);
  const secret = privateKey.export({ type: 'pkcs8', format: 'der' });
  const open = publicKey.export({ type: 'spki', format: 'der' });
  const keys = {
    privateKey: await webcrypto.subtle.importKey('pkcs8', secret, algorithm, false, ['sign']),
    publicKey: await webcrypto.subtle.importKey('spki', open, algorithm, true, ['verify']),
  };
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: SUBJECT,
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  return request.toString('pem');
}

/**
 * Whether a chain in PEM begins with a certificate of that key, and TLS can use the two. False for
 * what is no chain.
 */
export function isOfKey(chain: string, key: string): boolean {
  try {
    createSecureContext({ cert: chain, key });
    return new X509Certificate(chain).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

/** Whether a text in PEM begins with a certificate. */
export function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).raw.length > 0;
  } catch {
    return false;
  }
}

/** When the first certificate of a chain in PEM begins and ends to be valid, in ms since 1970. */
export function validityOf(chain: string): { readonly from: number; readonly to: number } {
  const { validFrom, validTo } = new X509Certificate(chain);
  return { from: Date.parse(validFrom), to: Date.parse(validTo) };
}
