import { describe, expect, test } from 'vitest';
import { parseProjectFile } from '../../../ai-run/project/parse-project-file.rules.ts';
import { type Given, settle } from '../../../ai-run/settings/settings.rules.ts';
import { whyReserved } from '../../../kernel/variable.ts';
import { type Trust, trustWord, verifyCommand, verifyError } from '../../../kernel/cosign.ts';
import { parseVerify } from '../../../kernel/trust.ts';
import { digest } from '../support.ts';

const pem = '-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n';
const key: Trust = { verify: { kind: 'key', path: '/etc/cosign.pub' }, key: pem };
const identity = (text: string): Trust => {
  const verify = parseVerify(text);
  if (verify === undefined) throw new Error(text);
  return { verify, key: undefined };
};
const exact = (text: string): object => ({ text, isPattern: false });
const pattern = (text: string): object => ({ text, isPattern: true });

const given = (env: Given['env'], file: Given['file'] = {}): Given => ({
  flags: {},
  env,
  file,
  machine: 'x64',
});

describe('AI_IMAGE_VERIFY', () => {
  test.each<[string, unknown]>([
    ['/etc/cosign.pub', { kind: 'key', path: '/etc/cosign.pub' }],
    ['~/cosign.pub', { kind: 'key', path: '~/cosign.pub' }],
    [
      'identity=ci@example.com,issuer=https://gitlab.example.com',
      {
        kind: 'identity',
        identity: exact('ci@example.com'),
        issuer: exact('https://gitlab.example.com'),
      },
    ],
    [
      'issuer-regexp=^https://gitlab[.],identity-regexp=^https://gitlab.example.com/(ai|x){1,2}/.*=$',
      {
        kind: 'identity',
        identity: pattern('^https://gitlab.example.com/(ai|x){1,2}/.*=$'),
        issuer: pattern('^https://gitlab[.]'),
      },
    ],
    ['identity=a,b,issuer=c', { kind: 'identity', identity: exact('a,b'), issuer: exact('c') }],
    // A file of the project is the agent's to write.
    ['cosign.pub', undefined],
    ['./cosign.pub', undefined],
    ['~', undefined],
    ['awskms:///alias/x', undefined],
    ['identity=ci@example.com', undefined],
    ['issuer=https://gitlab.example.com', undefined],
    ['identity=a,identity=b,issuer=c', undefined],
    ['identity=a,identity-regexp=b,issuer=c', undefined],
    ['identity=,issuer=c', undefined],
    [' identity=a,issuer=c', undefined],
    ['none', undefined],
  ])('%s', (text, expected) => {
    expect(parseVerify(text)).toEqual(expected);
  });

  test('is a setting like the others: the environment goes over ~/.ai-env, and what is empty is not set', () => {
    const file = { AI_IMAGE_VERIFY: '/etc/cosign.pub' };
    expect(settle(given({}, file)).verify).toEqual(key.verify);
    expect(settle(given({ AI_IMAGE_VERIFY: '' }, file)).verify).toEqual(key.verify);
    expect(settle(given({ AI_IMAGE_VERIFY: '/other.pub' }, file)).verify).toEqual({
      kind: 'key',
      path: '/other.pub',
    });
    expect(settle(given({}))).not.toHaveProperty('verify');
  });

  test('that is none is refused, naming where it stands', () => {
    expect(() => settle(given({}, { AI_IMAGE_VERIFY: 'off' }))).toThrow(
      /^AI_IMAGE_VERIFY in ~\/\.ai-env: expected the absolute path .* got "off"$/,
    );
  });

  test('cannot be touched by a project, nor by an image', () => {
    expect(() => parseProjectFile('verify: none\n')).toThrow(/unknown key "verify"/);
    expect(() => parseProjectFile('env: [AI_IMAGE_VERIFY]\n')).toThrow(/setting of ai-run/);
    expect(whyReserved('AI_IMAGE_VERIFY')).toBeDefined();
  });
});

const image = `registry.example.com/ai/ai-otter@${digest('a')}`;

test('cosign gets the key that was read, not the file that it was read from', () => {
  const { file, args, env } = verifyCommand(key, image);
  expect([file, ...args]).toEqual([
    'cosign',
    'verify',
    '--key=env://AI_RUN_VERIFY_KEY',
    '--insecure-ignore-tlog=true',
    '--output=json',
    image,
  ]);
  expect(env).toEqual({ AI_RUN_VERIFY_KEY: pem });
});

test('an identity is looked up in the public log, whole or as a pattern', () => {
  expect(
    verifyCommand(identity('identity=ci@example.com,issuer-regexp=^https:'), image).args,
  ).toEqual([
    'verify',
    '--certificate-identity=ci@example.com',
    '--certificate-oidc-issuer-regexp=^https:',
    '--output=json',
    image,
  ]);
});

test('what was verified by one is not verified by another', () => {
  const other = pem.replace('MFkw', 'MFkx');
  const words = [
    trustWord(key),
    trustWord({ ...key, key: other }),
    trustWord(identity('identity=a,issuer=b')),
    trustWord(identity('identity-regexp=a,issuer=b')),
    trustWord(identity('identity=a,issuer-regexp=b')),
    trustWord(identity('identity=b,issuer=a')),
  ];
  expect(new Set(words).size).toBe(words.length);
  // The same key elsewhere is the same key.
  expect(trustWord({ verify: { kind: 'key', path: '~/k' }, key: pem.trim() })).toBe(words[0]);
});

/** Output and exit codes of cosign 2.5 and 3.0. */
const twice = (text: string): string =>
  `WARNING: x\nError: ${text}\nerror during command execution: ${text}\n`;

test.each([
  [10, 'no signatures found', 'E_UNSIGNED', /is not signed, and AI_IMAGE_VERIFY is set$/],
  [1, 'no signatures found', 'E_UNSIGNED', /is not signed/],
  [
    12,
    'no matching signatures: invalid signature when validating ASN.1 encoded signature',
    'E_SIGNATURE',
    /has no valid signature by \/etc\/cosign\.pub: no matching signatures: invalid sig/,
  ],
  [1, 'no matching signatures: x\u001b[2J', 'E_SIGNATURE', /no matching signatures: x$/],
  [
    1,
    'Get "https://a:b@c/v2/": dial tcp',
    'E_VERIFY',
    /could not be verified: Get "https:\/\/\*\*\*@c/,
  ],
  [137, '', 'E_VERIFY', /could not be verified/],
])('exit code %i with %j is %s', (code, text, expected, message) => {
  const error = verifyError(key, image, { code, stderr: text === '' ? '' : twice(text) });
  expect([error.code, error.message]).toEqual([expected, expect.stringMatching(message)]);
  expect(error.hint).toContain('AI_IMAGE_VERIFY');
});
