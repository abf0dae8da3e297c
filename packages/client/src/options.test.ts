import { HalflapError } from '@halflap/protocol';
import { describe, expect, it } from 'vitest';
import { type OpenOptions, settingsOf, withoutSecrets } from './options.js';

const given: OpenOptions = {
  app: 'app',
  release: '1.0',
  shards: [{ name: 'a', url: 'postgres://me:hush@localhost/db' }],
};
const failure = (changed: Partial<OpenOptions>) => {
  try {
    settingsOf({ ...given, ...changed });
  } catch (error) {
    if (error instanceof HalflapError) return error;
  }
  throw new Error('no HalflapError');
};

describe('settingsOf', () => {
  it('completes what was left out', () => {
    expect(settingsOf(given)).toMatchObject({
      poolSize: 10,
      leaseSeconds: 30,
      connectTimeoutMs: 5000,
      retries: 3,
      unregistered: 'refuse',
    });
    expect(settingsOf(given).server).not.toBe('');
  });

  it('refuses values out of range and names the option', () => {
    expect(failure({ poolSize: 0 }).message).toContain('poolSize is 0');
    expect(failure({ leaseSeconds: 2 }).code).toBe('CLIENT_OPTIONS');
    expect(failure({ retries: 1.5 }).code).toBe('CLIENT_OPTIONS');
    expect(failure({ release: ' ' }).message).toContain('release');
    expect(failure({ shards: [] }).message).toContain('shards');
  });

  it('refuses options that it does not know, and values that nobody may give', () => {
    const odd = (given: object) => failure(given as Partial<OpenOptions>).message;
    expect(odd({ poolsize: 5 })).toContain('option poolsize is unknown, expected one of app,');
    expect(odd({ unregistered: 'nativ' })).toContain('"nativ", expected one of native, refuse');
    expect(odd({ poolSize: '5' })).toContain('poolSize is "5", expected a whole number');
    expect(odd({ release: 2 })).toContain('release is 2');
    expect(odd({ shards: undefined })).toContain('shards');
  });

  it('refuses a shard without an address, which the driver would take from elsewhere', () => {
    const shards = [{ name: 'a', uri: 'postgres://me:hush@db/x' }] as unknown as [];
    expect(failure({ shards }).message).toContain('the address of shard a is missing');
  });

  it('refuses a shard name that comes twice', () => {
    expect(failure({ shards: [...given.shards, ...given.shards] }).message).toContain('a twice');
  });

  it('refuses a malformed URL without repeating it', () => {
    const error = failure({ shards: [{ name: 'a', url: 'me:hush@ no url' }] });
    expect(error.code).toBe('CLIENT_OPTIONS');
    expect(JSON.stringify([error.message, error.hint, error.cause])).not.toContain('hush');
  });
});

describe('withoutSecrets', () => {
  it('hides the password of a URL in a text', () => {
    expect(withoutSecrets('cannot reach postgres://me:hush@db/x now')).toBe(
      'cannot reach postgres://me:***@db/x now',
    );
  });
});
