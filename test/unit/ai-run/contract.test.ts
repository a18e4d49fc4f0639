import { describe, expect, test } from 'vitest';
import { Contract, parseContract } from '../../../kernel/contract.ts';

const minimal = { schema: 1, agent: 'otter', version: '1.2.3', command: ['/opt/agent/bin/otter'] };

const paths = (changes: object): string[] => {
  const result = Contract.safeParse({ ...minimal, ...changes });
  return (result.error?.issues ?? []).map(({ path, code }) => [...path, code].join('.'));
};

const configKey = (key: string): string[] =>
  paths({ hostConfig: [{ path: '.otter/settings.json', format: 'json', keys: ['ok', key] }] });

describe('the contract of an image', () => {
  test('asks for nothing unless it says so', () => {
    expect(Contract.parse(minimal)).toEqual({
      ...minimal,
      credentials: [],
      state: [],
      cache: [],
      projectConfig: [],
      hostConfig: [],
      hosts: [],
    });
  });

  test('names credentials, state, cache, configuration and hosts', () => {
    const full = {
      ...minimal,
      credentials: [{ env: 'API_KEY', host: 'api.example.com', baseUrl: 'BASE_URL' }, { env: 'X' }],
      state: ['.config/otter', '.otter.json'],
      cache: ['.cache/otter'],
      projectConfig: ['OTTER.md', '.otter'],
      hostConfig: [
        { path: '.otter/settings.json', format: 'json', keys: ['model', 'ui.theme'] },
        { path: '.otter/OTTER.md', format: 'text', keys: [] },
      ],
      hosts: ['api.example.com', 'a-b.c1.example'],
    };
    expect(Contract.parse(full)).toEqual(full);
  });

  test.each([
    '/etc',
    '..',
    '.',
    '../x',
    'a/../b',
    'a/..',
    './a',
    'a/./b',
    '/',
    '',
    'a//b',
    'a/',
    '~/x',
    '~',
    'a b',
    'a:b',
    'a,b',
    'a"b',
    "a'b",
    'a\nb',
    'a\0b',
    '$HOME',
    '$(id)',
    'a\\b',
    '*',
    '.ssh/..',
  ])('cannot name the path %j', (path) => {
    for (const key of ['state', 'cache', 'projectConfig']) {
      expect(paths({ [key]: ['.ok', path] })).toContain(`${key}.1.invalid_format`);
    }
    expect(paths({ hostConfig: [{ path, format: 'json' }] })).toContain(
      'hostConfig.0.path.invalid_format',
    );
  });

  test.each(['', '.', 'a.', '.a', 'a..b', '*', 'a b', '__proto__', 'a[0]', 'a-b', '$a'])(
    'cannot name the setting %j',
    (key) => {
      expect(configKey(key)).toContain('hostConfig.0.keys.1.invalid_format');
    },
  );

  test.each([
    'hooks',
    'hooks.PreToolUse',
    'hooksConfig.enabled',
    'apiKeyHelper',
    'awsAuthRefresh',
    'awsCredentialExport',
    'otelHeadersHelper',
    'statusLine',
    'statusLine.command',
    'env',
    'env.PATH',
    'permissions.allow',
    'mcpServers',
    'mcp.serverCommand',
    'enableAllProjectMcpServers',
    'tools.discoveryCommand',
    'toolDiscoveryCommand',
    'telemetry.outfile',
    'notify',
    'sandbox.enabled',
    'tools.sandbox',
    'security.auth.selectedType',
    'oauthAccount.emailAddress',
    'primaryApiKey',
    'api.key',
    'accessToken',
    'password',
    'clientSecret',
  ])('cannot ask for %s, which runs something or is a secret', (key) => {
    expect(configKey(key)).toEqual(['hostConfig.0.keys.1.custom']);
  });

  test.each(['model', 'includeCoAuthoredBy', 'general.vimMode', 'environment', 'keyboard.layout'])(
    'can ask for %s',
    (key) => {
      expect(configKey(key)).toEqual([]);
    },
  );

  test.each([
    'https://api.example.com',
    'http://x.y',
    '*.example.com',
    '*',
    'api.example.com:443',
    'api.example.com/v1',
    'API.example.com',
    'localhost',
    '.example.com',
    'example.com.',
    'a..b',
    '-a.example',
    'a-.example',
    'a b.c',
    '',
    'user@example.com',
    '[::1]',
    `${'a.'.repeat(127)}aaa`,
    'example.com\n',
  ])('cannot name the host %j', (host) => {
    expect(paths({ hosts: [host] })).toContain('hosts.0.invalid_format');
    expect(paths({ credentials: [{ env: 'A', host }] })).toContain(
      'credentials.0.host.invalid_format',
    );
  });

  test.each(['path', 'A-B', '1A', 'A=B', '', 'A B', '$A', 'A\n'])(
    'cannot name the variable %j',
    (env) => {
      expect(paths({ credentials: [{ env }] })).toContain('credentials.0.env.invalid_format');
      expect(paths({ credentials: [{ env: 'A', baseUrl: env }] })).toContain(
        'credentials.0.baseUrl.invalid_format',
      );
    },
  );

  test.each([
    ['DOCKER_HOST', 'docker reads it'],
    ['DOCKER_CONFIG', 'docker reads it'],
    ['HTTPS_PROXY', 'docker reads it; proxies are set in ~/.docker/config.json'],
    ['LD_PRELOAD', 'it changes how every program is loaded'],
    ['PATH', 'it changes the commands that shells run or the paths that programs search'],
    ['BASH_ENV', 'it changes the commands that shells run or the paths that programs search'],
    ['NODE_OPTIONS', 'it changes the code that an interpreter runs'],
    ['GIT_SSH_COMMAND', 'it changes the commands that git runs or the repository that it uses'],
    ['AI_RUN_PLATFORM', 'it is a setting of ai-run'],
  ])('cannot call %s a credential: %s', (name, reason) => {
    for (const [key, credential] of [
      ['env', { env: name }],
      ['baseUrl', { env: 'A', baseUrl: name }],
    ] as const) {
      const { error } = Contract.safeParse({ ...minimal, credentials: [credential] });
      expect(error?.issues).toEqual([
        expect.objectContaining({
          path: ['credentials', 0, key],
          message: `${name} cannot be a credential: ${reason}`,
        }),
      ]);
    }
  });

  test.each([
    'capabilities',
    'mounts',
    'privileged',
    'network',
    'user',
    'devices',
    'securityOpt',
    'writableRoot',
    'newPrivileges',
    'limits',
    'volumes',
    'environment',
    'entrypoint',
    'pid',
    'ipc',
  ])('cannot have the key %s', (key) => {
    expect(paths({ [key]: ['ALL'] })).toEqual(['unrecognized_keys']);
    expect(paths({ credentials: [{ env: 'A', [key]: 'x' }] })).toEqual([
      'credentials.0.unrecognized_keys',
    ]);
  });

  test.each([
    ['another schema', { schema: 2 }, 'schema.invalid_value'],
    ['no command', { command: [] }, 'command.too_small'],
    ['an empty word in its command', { command: ['a', ''] }, 'command.1.too_small'],
    ['no version', { version: '' }, 'version.too_small'],
    ['an agent name with a slash', { agent: 'a/b' }, 'agent.invalid_format'],
    ['state that is no list', { state: '.otter' }, 'state.invalid_type'],
  ])('cannot have %s', (_, changes, issue) => {
    expect(paths(changes)).toEqual([issue]);
  });
});

const refused = (code: string, message: string): unknown =>
  expect.objectContaining({ code, message, hint: expect.any(String) as string });

describe('the label of an image', () => {
  test('is read as a contract', () => {
    expect(parseContract(JSON.stringify(minimal), 'ai-otter')).toEqual(Contract.parse(minimal));
  });

  test.each([
    ['missing', undefined, 'E_NO_CONTRACT', 'ai-otter has no label ai-run.contract'],
    ['empty', '', 'E_CONTRACT', 'it is not JSON'],
    ['no JSON', '{', 'E_CONTRACT', 'it is not JSON'],
    ['null', 'null', 'E_CONTRACT', 'Invalid input: expected object, received null'],
    ['a list', '[]', 'E_CONTRACT', 'Invalid input: expected object, received array'],
  ])('is refused when it is %s', (_, label, code, reason) => {
    const message = code === 'E_CONTRACT' ? `ai-otter: invalid contract: ${reason}` : reason;
    expect(() => parseContract(label, 'ai-otter')).toThrow(refused(code, message));
  });

  test('is refused by its first mistake, in text that cannot repaint a terminal', () => {
    const label = JSON.stringify({ ...minimal, 'mounts\u001B[2J\u009B2J': ['/etc'] });
    expect(() => parseContract(label, 'ai-otter')).toThrow(
      refused('E_CONTRACT', 'ai-otter: invalid contract: Unrecognized key: "mounts2J"'),
    );
    const other = JSON.stringify({ ...minimal, state: ['.ok', '/etc'] });
    expect(() => parseContract(other, 'ai-otter')).toThrow(
      /^ai-otter: invalid contract: state\.1: expected a path below the home/,
    );
  });
});
