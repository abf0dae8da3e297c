// What an application answers, and what of it is a number.

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { numberAt, readSignal } from './signal-source.js';

let answer: (response: ServerResponse) => void = (response) => response.end();
const server = createServer((_, response) => answer(response));
let url: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const read = (pointer: string, ending = new AbortController().signal) =>
  readSignal({ url, pointer }, ending);

describe('readSignal', () => {
  it('finds a number, as an application gives it and as Prometheus does', async () => {
    answer = (response) => response.end('{"data":{"result":[{"value":[1.5,"0.25"]}]}}');
    expect(await read('/data/result/0/value/1')).toBe(0.25);
    answer = (response) => response.end('12.5');
    expect(await read('')).toBe(12.5);
  });

  it('follows no redirect, and reads neither a long answer nor none', async () => {
    answer = (response) => response.writeHead(302, { location: '/elsewhere' }).end();
    await expect(read('')).rejects.toThrow('it answers with status 302');
    answer = (response) => response.end(' '.repeat(70_000));
    await expect(read('')).rejects.toThrow('longer than 64 KB');
    answer = (response) => response.end('<secret>');
    await expect(read('')).rejects.toThrow(/^the answer is no JSON$/);
    const ending = new AbortController();
    answer = () => ending.abort();
    await expect(read('', ending.signal)).rejects.toThrow();
    await expect(
      readSignal({ url: 'http://127.0.0.1:1/', pointer: '' }, new AbortController().signal),
    ).rejects.toThrow('ECONNREFUSED');
  });
});

describe('numberAt', () => {
  it('follows a pointer, and takes nothing for a number that is none', () => {
    expect(numberAt({ 'a/b': { '~': [7] } }, '/a~1b/~0/0')).toBe(7);
    expect(() => numberAt({}, '/constructor')).toThrow('nothing is at /constructor');
    for (const value of ['', 'NaN', '+Inf', null, true, {}]) {
      expect(() => numberAt({ value }, '/value'), String(value)).toThrow('no number is at /value');
    }
  });
});
