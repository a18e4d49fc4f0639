import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readCredentials } from '../../../bakery/registry/docker-config.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docker-config-'));
  vi.stubEnv('DOCKER_CONFIG', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const config = (value: unknown): Promise<void> =>
  writeFile(join(folder, 'config.json'), JSON.stringify(value));
const auth = (user: string): { readonly auth: string } => ({
  auth: Buffer.from(`${user}:secret`).toString('base64'),
});
const credentialsOf = (user: string) => ({ kind: 'password', user, secret: 'secret' });
const userOf = async (registry: string): Promise<string | undefined> => {
  const found = await readCredentials(registry);
  return found?.kind === 'password' ? found.user : found?.kind;
};

describe('the key of a registry in auths', () => {
  test.each([
    ['reg.example.com', 'reg.example.com'],
    ['reg.example.com', 'https://reg.example.com'],
    ['reg.example.com', 'https://reg.example.com/'],
    ['reg.example.com', 'https://reg.example.com/v1/'],
    ['reg.example.com', 'https://reg.example.com/v2/'],
    ['reg.example.com', 'reg.example.com/v1/'],
    ['reg.example.com', 'http://reg.example.com'],
    ['reg.example.com:5000', 'reg.example.com:5000'],
    ['reg.example.com:5000', 'https://reg.example.com:5000/v2/'],
    ['docker.io', 'https://index.docker.io/v1/'],
    ['docker.io', 'index.docker.io'],
    ['docker.io', 'docker.io'],
    ['docker.io', 'https://docker.io'],
    ['docker.io', 'registry-1.docker.io'],
    ['index.docker.io', 'https://index.docker.io/v1/'],
  ])('%s: %s', async (registry, key) => {
    await config({ auths: { [key]: auth('me') } });
    expect(await readCredentials(registry)).toEqual(credentialsOf('me'));
  });

  test.each([
    ['reg.example.com', 'reg.example.com:5000'],
    ['reg.example.com:5000', 'reg.example.com'],
    ['reg.example.com:5000', 'https://reg.example.com:5001/v2/'],
    ['reg.example.com', 'https://example.com'],
    ['reg.example.com', 'my.reg.example.com'],
    ['reg.example.com', 'https://evil.example.com/reg.example.com'],
    ['docker.io', 'hub.docker.io'],
    ['reg.example.com', 'https://index.docker.io/v1/'],
  ])('%s is not %s', async (registry, key) => {
    await config({ auths: { [key]: auth('me') } });
    expect(await readCredentials(registry)).toBeUndefined();
  });

  test('docker’s own spelling precedes the others, and an empty entry is passed over', async () => {
    const others = { 'https://reg.example.com/v1/': auth('old'), 'https://docker.io': auth('old') };
    await config({
      auths: {
        ...others,
        'reg.example.com': auth('new'),
        'https://index.docker.io/v1/': auth('new'),
      },
    });
    expect(await userOf('reg.example.com')).toBe('new');
    expect(await userOf('docker.io')).toBe('new');
    await config({ auths: { ...others, 'reg.example.com': {} } });
    expect(await userOf('reg.example.com')).toBe('old');
  });
});

/** A helper that knows the secret of one server, and notes each server that it is asked for. */
const helper = async (name: string, server: string): Promise<() => Promise<string[]>> => {
  const { readFile } = await import('node:fs/promises');
  const log = join(folder, `${name}.log`);
  const program = join(folder, `docker-credential-${name}`);
  await writeFile(log, '');
  await writeFile(
    program,
    `#!/bin/sh
read server
echo "$server" >> ${log}
[ "$1 $server" = "get ${server}" ] || exit 1
echo '{"Username":"${name}","Secret":"secret"}'
`,
  );
  await chmod(program, 0o755);
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH']}`);
  return async () =>
    (await readFile(log, 'utf8')).split('\n').filter((line: string) => line !== '');
};

describe('a credential helper', () => {
  test('is chosen under every spelling, before the store', async () => {
    await helper('shelf', 'reg.example.com');
    await helper('store', 'other.example.com');
    const credHelpers = { 'https://reg.example.com/v2/': 'shelf' };
    await config({ credHelpers, credsStore: 'store' });
    expect(await userOf('reg.example.com')).toBe('shelf');
    expect(await userOf('other.example.com')).toBe('store');
  });

  test('knows Docker Hub by its URL', async () => {
    await helper('shelf', 'https://index.docker.io/v1/');
    await config({ credsStore: 'shelf' });
    expect(await userOf('docker.io')).toBe('shelf');
  });

  test('is asked for the name under which the user logged in, if it does not know the host', async () => {
    const asked = await helper('shelf', 'https://reg.example.com/v2/');
    await config({ auths: { 'https://reg.example.com/v2/': {} }, credsStore: 'shelf' });
    expect(await userOf('reg.example.com')).toBe('shelf');
    expect(await asked()).toEqual(['reg.example.com', 'https://reg.example.com/v2/']);
    expect(await userOf('other.example.com')).toBeUndefined();
  });

  test.each([
    ['credsStore', { credsStore: 'none-such' }],
    ['credHelpers', { credHelpers: { 'reg.example.com': 'none-such' } }],
  ])('that is missing is named by its key: %s', async (key, value) => {
    await config(value);
    await expect(readCredentials('reg.example.com')).rejects.toMatchObject({
      code: 'E_NO_PROGRAM',
      message: `"${key}" in ${join(folder, 'config.json')} names the credential helper "none-such": program "docker-credential-none-such" not found on PATH`,
      hint: expect.stringMatching(
        new RegExp(`^install docker-credential-none-such, or remove .*"${key}"`),
      ) as string,
    });
    await helper('none-such', 'reg.example.com');
    expect(await userOf('reg.example.com')).toBe('none-such');
  });

  test('that prints something else is an error without the secret', async () => {
    const program = join(folder, 'docker-credential-odd');
    await writeFile(program, '#!/bin/sh\necho \'{"Secret":"hidden"}\'\n');
    await chmod(program, 0o755);
    vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH']}`);
    await config({ credsStore: 'odd' });
    const failed = readCredentials('reg.example.com');
    await expect(failed).rejects.toMatchObject({ code: 'E_DOCKER_CONFIG' });
    await expect(failed).rejects.not.toThrow('hidden');
  });
});
