// What a policy file allows, and what it says of its mistakes; docs/agent-policy.md says the same.

import { readFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Work } from '@halflap/protocol/agent';
import { describe, expect, it } from 'vitest';
import { pathPatternOf, patternOf } from './pattern.js';
import { DEFAULT_POLICY, forbiddenBy, kindsOf, NOTHING } from './policy.js';
import { POLICY_KEYS, parsePolicy, readPolicyFile } from './policy-file.js';
import { command } from './testing/test-agent.js';

const PAGE = readFileSync(
  fileURLToPath(new URL('../../../../docs/agent-policy.md', import.meta.url)),
  'utf8',
);
const EXAMPLES = [...PAGE.matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => match[1] ?? '');

/** Whether the policy of a text allows the work; what it says where it does not. */
const asked = (text: string, work: Work) => forbiddenBy(parsePolicy(text, 'p').policy, work);

const packages = (action: 'install' | 'remove' | 'upgrade', ...names: string[]): Work => ({
  ...{ kind: 'packages', action, onlySecurity: false, simulate: false },
  packages: names.map((name) => ({ name, version: null })),
});
const service = (name: string): Work => ({ kind: 'service', action: 'start', service: name });
const file = (path: string): Work => ({ kind: 'file', path });

describe('docs/agent-policy.md', () => {
  it('has examples that are without mistakes, the default first', () => {
    expect(EXAMPLES).toHaveLength(5);
    for (const text of EXAMPLES) expect(parsePolicy(text, 'p').mistake).toBeNull();
    expect(parsePolicy(EXAMPLES[0] ?? '', 'p').policy).toEqual(DEFAULT_POLICY);
    expect(parsePolicy(EXAMPLES[3] ?? '', 'p').policy).toEqual(NOTHING);
  });

  it('lists every key, and no others', () => {
    const rows = [...PAGE.matchAll(/^\| `(\w+)` \| `(\w+)` \|/gm)];
    const documented = rows.map(([, kind, key]) => `${kind}.${key}`).sort();
    const keys = Object.entries(POLICY_KEYS);
    const known = keys.flatMap(([kind, names]) => names.map((name) => `${kind}.${name}`));
    expect(documented).toEqual(known.sort());
  });

  it('shows a database server that allows what it says', () => {
    const text = EXAMPLES[1] ?? '';
    const allowed: Work[] = [
      packages('install', 'postgresql-15:amd64', 'halflap-agent'),
      ...[service('postgresql@15-main'), service('postgresql.service'), service('backup.timer')],
      { ...command('/opt/inventory/bin/report'), user: 'postgres' },
      { ...command('/usr/bin/pg_lsclusters'), user: 'postgres', environment: { INVENTORY_X: '' } },
      file('/etc/postgresql/15/main/postgresql.conf'),
    ];
    for (const work of allowed) expect(asked(text, work)).toBeNull();
    const others: [Work, string][] = [
      [packages('install', 'postgresql', 'bash'), 'package bash is not allowed'],
      [packages('remove', 'postgresql'), 'remove is not allowed for packages'],
      [packages('upgrade'), 'not all packages are allowed, and the order names none'],
      [service('postgresql.target'), 'unit postgresql.target is not allowed'],
      [service('backup'), 'unit backup.service is not allowed'],
      [
        command('/usr/bin/pg_lsclusters'),
        `user ${userInfo().username} is not allowed for commands`,
      ],
      [command('/opt/inventory/bin/../../x'), 'program /opt/inventory/bin/../../x is not allowed'],
      [command('/opt/inventory/bin/a/b'), 'program /opt/inventory/bin/a/b is not allowed'],
      [command('pg_lsclusters'), 'program pg_lsclusters is not allowed'],
      [
        { ...command('/usr/bin/pg_lsclusters'), user: 'postgres', environment: { PATH: '/x' } },
        'variable PATH is not allowed for commands',
      ],
      [file('/etc/shadow'), 'file /etc/shadow is not allowed'],
    ];
    for (const [work, why] of others) expect(asked(text, work)).toBe(why);
  });
});

describe('a policy', () => {
  it('that is not there allows no commands, and no shutdown in the guise of a service', () => {
    expect(kindsOf(DEFAULT_POLICY)).toEqual(['packages', 'service', 'file']);
    expect(forbiddenBy(DEFAULT_POLICY, command('/bin/true'))).toContain('kind command');
    expect(forbiddenBy(DEFAULT_POLICY, service('ssh'))).toBeNull();
    expect(forbiddenBy(DEFAULT_POLICY, service('poweroff.target'))).toContain('not allowed');
  });

  it('lets no variable through to a program that it names', () => {
    const text = 'allow: { command: { programs: [/usr/bin/uptime] } }';
    const work = { ...command('/usr/bin/uptime'), environment: { LD_PRELOAD: '/x.so' } };
    expect(asked(text, work)).toBe('variable LD_PRELOAD is not allowed for commands');
  });

  it.each([
    ['allow:\n\tfile: true', 'p:2:1: not valid YAML'],
    ['', 'p:1:1: the policy takes keys and values'],
    ['{}', 'p:1:1: the key allow is missing'],
    ['deny: {}\nallow: {}', 'p:1:1: unknown key "deny"; there is allow'],
    ['allow:\n  commands: true', 'p:2:3: unknown key "commands"'],
    ['allow:\n  file: "yes"', 'p:2:9: file takes true, false or keys and values'],
    ['allow:\n  file: { paths: /etc }', 'p:2:18: paths takes a list'],
    ['allow:\n  file:\n    paths:\n      - etc/*', 'p:4:9: paths: "etc/*" does not begin with'],
    ['allow: { packages: { actions: [instal] } }', 'p:1:32: actions: "instal" is none of install'],
    ['allow: { packages: { names: [7] } }', 'p:1:30: names takes texts that are not empty'],
    ['allow: { file: true }\nallow: { command: true }', 'p:2:1: not valid YAML: Map keys must be'],
  ])('with a mistake allows nothing and says where it is: %j', (text, mistake) => {
    const read = parsePolicy(text, 'p');
    expect(read.policy).toEqual(NOTHING);
    expect(read.mistake?.startsWith(mistake), read.mistake ?? '').toBe(true);
  });

  it('that others may write, or that is no file, allows nothing', async () => {
    const directory = await fs.mkdtemp(join(tmpdir(), 'halflap-policy-'));
    const path = join(directory, 'policy.yaml');
    expect(await readPolicyFile(path)).toEqual({ policy: DEFAULT_POLICY, mistake: null });
    await fs.writeFile(path, 'allow: { command: true }');
    expect(kindsOf((await readPolicyFile(path)).policy)).toEqual(['command']);
    await fs.chmod(path, 0o664);
    expect(await readPolicyFile(path)).toEqual({
      ...{ policy: NOTHING, mistake: `others may write ${path}` },
    });
    expect((await readPolicyFile(directory)).policy).toEqual(NOTHING);
    await fs.rm(directory, { recursive: true });
  });
});

describe('a pattern', () => {
  it('fits the whole text', () => {
    const fits = (pattern: string, ...texts: string[]) => texts.map(patternOf(pattern));
    expect(fits('a*c', 'ac', 'abbc', 'abcd', 'xac')).toEqual([true, true, false, false]);
    expect(fits('a?c.d', 'abc.d', 'ac.d', 'abcxd')).toEqual([true, false, false]);
    expect(fits('*', '', 'x')).toEqual([true, true]);
    expect(['/a/b', '/a/b/c', '/a/', '/a/../b'].map(pathPatternOf('/a/*'))).toEqual([
      ...[true, false, false, false],
    ]);
    expect(['/a/b', '/a/b/c', '/a//b', '/a'].map(pathPatternOf('/a/**'))).toEqual([
      ...[true, true, false, false],
    ]);
  });

  it('takes no longer for texts that nearly fit', () => {
    expect(patternOf('*a'.repeat(60))(`${'a'.repeat(4000)}b`)).toBe(false);
  });
});
