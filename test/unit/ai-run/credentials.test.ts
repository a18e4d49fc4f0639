import { describe, expect, test } from 'vitest';
import { credentials, type Wallet } from '../../../ai-run/keys/credentials.rules.ts';
import { UserError } from '../../../kernel/error.ts';

const wallet = (changes: Partial<Wallet> = {}) =>
  credentials({
    contract: { credentials: [{ env: 'API_KEY', baseUrl: 'API_URL' }, { env: 'TOKEN' }] },
    env: {},
    file: {},
    extra: [],
    ...changes,
  });

const refusal = (word: string, env: Wallet['env'] = {}): UserError => {
  try {
    wallet({ extra: [word], env });
  } catch (error) {
    if (error instanceof UserError && error.code === 'E_USAGE') return error;
    throw error;
  }
  throw new Error(`${word} was passed on`);
};

describe('the credentials of a session', () => {
  test.each<[string, Partial<Wallet>, Record<string, string>]>([
    ['nothing where nothing is set', {}, {}],
    [
      'what the contract names',
      { env: { API_KEY: '1', API_URL: '2' } },
      { API_KEY: '1', API_URL: '2' },
    ],
    ['nothing else of the environment', { env: { TOKEN: '1', OTHER_TOKEN: '2' } }, { TOKEN: '1' }],
    ['nothing else of the file', { file: { TOKEN: '1', OTHER_TOKEN: '2' } }, { TOKEN: '1' }],
    [
      'the environment over the file',
      { env: { TOKEN: '1' }, file: { TOKEN: '2' } },
      { TOKEN: '1' },
    ],
    [
      'the file where the environment is empty',
      { env: { TOKEN: '' }, file: { TOKEN: '2' } },
      { TOKEN: '2' },
    ],
    ['nothing that is empty', { env: { TOKEN: '' }, file: { API_KEY: '' } }, {}],
    [
      'what is added by name',
      { env: { MINE: '1', other: '2' }, extra: ['MINE', 'other'] },
      { MINE: '1', other: '2' },
    ],
    [
      'what is added and stands in the file',
      { file: { MINE: '1' }, extra: ['MINE'] },
      { MINE: '1' },
    ],
    ['nothing that every object has', { extra: ['constructor', '__proto__', 'toString'] }, {}],
  ])('are %s', (_, changes, secrets) => {
    expect(wallet(changes).secrets).toEqual(secrets);
  });

  test.each<[string, Partial<Wallet>, string[]]>([
    ['say nothing of the contract', { env: { TOKEN: 'sk' } }, []],
    [
      'say nothing of an added name that the contract has',
      { env: { TOKEN: 'sk' }, extra: ['TOKEN'] },
      [],
    ],
    [
      'say what is added, once',
      { env: { A: 'sk', B: 'sk' }, extra: ['A', 'B', 'A'] },
      ['the agent also gets A, B'],
    ],
    [
      'say what is not set',
      { env: { A: 'sk', B: '' }, extra: ['A', 'B'] },
      ['B is set neither in the environment nor in ~/.ai-env', 'the agent also gets A'],
    ],
  ])('%s', (_, changes, notes) => {
    expect(wallet(changes).notes).toEqual(notes);
  });
});

describe('--env', () => {
  test.each(['MINE=sk-secret', 'MINE=', 'MINE=a=sk-secret'])('takes no value: %s', (word) => {
    const { message, hint } = refusal(word);
    expect(message).toBe(
      '--env MINE: takes a name without a value, because every process of this machine can read a command line',
    );
    expect(hint).toBe('set MINE in the environment or in ~/.ai-env, and pass its name');
  });

  test.each(['', '1A', 'sk-secret', 'A B', 'sk-secret=x', '=sk-secret', 'A\n', '\u001B[2J'])(
    'takes a name, and does not repeat %j',
    (word) => {
      const { message, hint } = refusal(word);
      expect(message).toMatch(/^--env( NAME)?: /);
      for (const shown of ['secret', '1A', 'A B', '\n', '\u001B']) {
        expect(message + hint).not.toContain(shown);
      }
    },
  );

  test.each([
    ['PATH', 'it changes the commands that shells run or the paths that programs search'],
    ['HOME', 'it changes the commands that shells run or the paths that programs search'],
    ['BASH_ENV', 'it changes the commands that shells run or the paths that programs search'],
    ['LD_PRELOAD', 'it changes how every program is loaded'],
    ['DYLD_INSERT_LIBRARIES', 'it changes how every program is loaded'],
    ['DOCKER_HOST', 'docker reads it'],
    ['docker_config', 'docker reads it'],
    ['XDG_RUNTIME_DIR', 'docker reads it'],
    ['https_proxy', 'docker reads it; proxies are set in ~/.docker/config.json'],
    ['SSL_CERT_FILE', 'it changes which certificates programs trust'],
    ['NODE_OPTIONS', 'it changes the code that an interpreter runs'],
    ['PYTHONPATH', 'it changes the code that an interpreter runs'],
    ['JAVA_TOOL_OPTIONS', 'it changes the code that an interpreter runs'],
    ['GIT_CONFIG_GLOBAL', 'it changes the commands that git runs or the repository that it uses'],
    ['AI_IMAGE_REGISTRY', 'it is a setting of ai-run'],
  ])('does not take %s: %s', (name, reason) => {
    expect(refusal(name, { [name]: 'x' }).message).toBe(`--env ${name}: not passed on: ${reason}`);
  });

  test.each([
    'NODE_AUTH_TOKEN',
    'GIT_AUTHOR_NAME',
    'GIT_TOKEN',
    'PATHFINDER_KEY',
    'SSH_HOST',
    'MY_DOCKER_TOKEN',
    'HOMEPAGE',
    'LDAP_PASSWORD',
    'AI_KEY',
    'ENVIRONMENT',
    'TZ',
  ])('takes %s', (name) => {
    expect(wallet({ extra: [name], env: { [name]: 'x' } }).secrets).toEqual({ [name]: 'x' });
  });
});
