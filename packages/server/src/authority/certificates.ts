// Certificates, as this cluster makes them: its own authority, one for each server's endpoint, one
// for each host. Everything is ECDSA on P-256; a host's certificate says its id and nothing else.

// The library below finds its parts by it.
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

export const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A key pair, in PEM. */
export interface Keys {
  readonly privateKey: string;
  readonly certificate: string;
}

const DAY_MS = 24 * 3600 * 1000;
const AUTHORITY_DAYS = 3650;
/** Clocks of hosts may be behind by so much. */
const SKEW_MS = DAY_MS;

/** Beside the names that a server is reached by, every server of a cluster has this one. */
export const SERVER_NAME = 'halflap-server';

/** Extended key usages (RFC 5280, section 4.2.1.12). */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** A new authority that signs itself. */
export async function createAuthority(now: Date): Promise<Keys> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Halflap authority',
    keys,
    signingAlgorithm: ALGORITHM,
    serialNumber: serial(),
    ...validity(now, AUTHORITY_DAYS),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    privateKey: await privatePem(keys.privateKey),
    certificate: certificate.toString('pem'),
  };
}

/** A certificate of a host, for the key of its request. */
export interface HostCertificate {
  readonly pem: string;
  readonly serial: string;
  /** SHA-256 of its DER, in lower-case hexadecimal digits. */
  readonly fingerprint: string;
  /** The digest of the authority that it is from, as `pinOf` gives it. */
  readonly authority: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * Of the request only the key counts: what it says about names is not believed.
 * @throws when it is no request, or is not signed by its key.
 */
export async function issueHost(
  authority: Keys,
  host: { readonly id: string; readonly request: string; readonly days: number },
  now: Date,
): Promise<HostCertificate> {
  const request = new x509.Pkcs10CertificateRequest(host.request);
  if (!(await request.verify())) throw new Error('the request is not signed by its own key');
  const certificate = await issue(authority, {
    subject: `CN=${host.id}`,
    publicKey: request.publicKey,
    ...validity(now, host.days),
    extensions: [usage(CLIENT_AUTH)],
  });
  return {
    pem: certificate.toString('pem'),
    serial: certificate.serialNumber,
    fingerprint: Buffer.from(await certificate.getThumbprint('SHA-256')).toString('hex'),
    authority: await pinOf(authority.certificate),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
  };
}

/**
 * The public key of a request, as its DER (SubjectPublicKeyInfo).
 * @throws when it is no request, or is not signed by its key.
 */
export async function keyOf(request: string): Promise<Uint8Array> {
  const parsed = new x509.Pkcs10CertificateRequest(request);
  if (!(await parsed.verify())) throw new Error('the request is not signed by its own key');
  return new Uint8Array(parsed.publicKey.rawData);
}

/** Keys of an endpoint, for the names and addresses that agents reach it by. */
export async function issueServer(
  authority: Keys,
  server: { readonly names: readonly string[]; readonly days: number },
  now: Date,
): Promise<Keys> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const names = [...new Set([SERVER_NAME, ...server.names])];
  const certificate = await issue(authority, {
    subject: `CN=${SERVER_NAME}`,
    publicKey: keys.publicKey,
    ...validity(now, server.days),
    extensions: [
      usage(SERVER_AUTH),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
    ],
  });
  return {
    privateKey: await privatePem(keys.privateKey),
    certificate: certificate.toString('pem'),
  };
}

/** What people compare: SHA-256 of the DER, `sha256:HEX`. */
export async function pinOf(certificate: string): Promise<string> {
  const thumbprint = await new x509.X509Certificate(certificate).getThumbprint('SHA-256');
  return `sha256:${Buffer.from(thumbprint).toString('hex')}`;
}

interface Issued {
  readonly subject: string;
  readonly publicKey: webcrypto.CryptoKey | x509.PublicKey;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly x509.Extension[];
}

async function issue(authority: Keys, { extensions, ...issued }: Issued) {
  const signer = new x509.X509Certificate(authority.certificate);
  return x509.X509CertificateGenerator.create({
    ...issued,
    issuer: signer.subject,
    signingKey: await privateKeyOf(authority.privateKey),
    signingAlgorithm: ALGORITHM,
    serialNumber: serial(),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      await x509.AuthorityKeyIdentifierExtension.create(signer),
      ...extensions,
    ],
  });
}

function usage(purpose: string): x509.Extension {
  return new x509.ExtendedKeyUsageExtension([purpose], true);
}

function validity(now: Date, days: number) {
  const from = now.getTime();
  return { notBefore: new Date(from - SKEW_MS), notAfter: new Date(from + days * DAY_MS) };
}

/** Random, positive, of 16 bytes (RFC 5280, section 4.1.2.2: at most 20). */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  const lines = der.match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

async function privateKeyOf(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}
