import { describe, expect, test } from 'vitest';
import { engineError, pullError } from '../../../ai-run/engine/engine-error.rules.ts';

/** Messages as Docker 28 prints them, with and without the containerd image store. */
const image = 'registry.example.com/ai/ai-otter:go';
const daemon = 'Error response from daemon:';

describe('a pull that did not work', () => {
  test.each([
    [
      'E_NO_ENGINE',
      'Cannot connect to the Docker daemon at unix:///run/none.sock. Is the docker daemon running?',
    ],
    [
      'E_NO_ENGINE',
      'error during connect: Post "http://nowhere:2375/v1.50/images/create": dial tcp: lookup nowhere: no such host',
    ],
    [
      'E_NO_ENGINE',
      'failed to connect to the docker API at unix:///run/none.sock; check if the path is correct',
    ],
    [
      'E_NO_ENGINE',
      'Failed to initialize: unable to resolve docker endpoint: context "nope": context not found: open meta.json: no such file or directory',
    ],
    [
      'E_NO_ENGINE',
      'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: connect: permission denied',
    ],
    ['E_DOCKER_CONFIG', 'ERROR: stat /home/me/.docker/buildx/instances: permission denied'],
    [
      'E_NO_PLATFORM',
      `${daemon} no matching manifest for linux/arm64/v8 in the manifest list entries: no match for platform in manifest: not found`,
    ],
    [
      'E_NO_PLATFORM',
      `${daemon} no matching manifest for linux/arm64 in the manifest list entries`,
    ],
    [
      'E_NO_PLATFORM',
      `${daemon} image with reference ${image} was found but its platform (linux/amd64) does not match the specified platform (linux/arm64)`,
    ],
    [
      'E_NO_PLATFORM',
      `${daemon} image with reference ${image} was found but does not provide the specified platform (linux/arm64)`,
    ],
    [
      'E_REGISTRY',
      `${daemon} pull access denied for ai/ai-otter, repository does not exist or may require 'docker login'`,
    ],
    [
      'E_REGISTRY',
      `${daemon} failed to resolve reference "${image}": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials`,
    ],
    [
      'E_REGISTRY',
      `${daemon} unknown: failed to resolve reference "${image}": unexpected status from HEAD request to https://registry.example.com/v2/ai/ai-otter/manifests/go: 403 Forbidden`,
    ],
    ['E_REGISTRY', `${daemon} Head "https://registry.example.com/v2/": unauthorized: bad password`],
    ['E_NO_IMAGE', `${daemon} manifest for ${image} not found: manifest unknown: manifest unknown`],
    ['E_NO_IMAGE', `${daemon} failed to resolve reference "${image}": ${image}: not found\n`],
    [
      'E_REGISTRY',
      `${daemon} failed to resolve reference "${image}": failed to do request: Head "https://registry.example.com/v2/": dial tcp 127.0.0.1:1: connect: connection refused`,
    ],
    ['E_REGISTRY', `${daemon} Get "https://registry.example.com/v2/": lookup x: no such host`],
    ['E_REGISTRY', `${daemon} toomanyrequests: You have reached your pull rate limit`],
    ['E_REGISTRY', ''],
  ])('is %s: %s', (code, stderr) => {
    const error = pullError(stderr, image, 'linux/arm64');
    expect(error.code).toBe(code);
    expect(error.message).not.toMatch(/\n|response from daemon|unknown: failed/);
    expect(error.hint).toBeTypeOf('string');
  });

  test('is not explained by the name of the image', () => {
    const named = 'registry.example.com/denied/ai-unauthorized:go';
    const stderr = `${daemon} failed to resolve reference "${named}": connection refused`;
    expect(pullError(stderr, named, 'linux/arm64').message).toBe(
      `${named} cannot be pulled: connection refused`,
    );
  });

  test('names the registry to log in at', () => {
    expect(pullError(`${daemon} unauthorized`, image, 'linux/amd64')).toMatchObject({
      message: `the registry refuses ${image}: unauthorized`,
      hint: 'run `docker login registry.example.com` as a user who can read it',
    });
  });

  test('shows no escape sequence and no password', () => {
    const stderr = `${daemon} \u001B]52;c;ZXZpbA==\u0007Get "https://me:secret@registry.example.com": EOF`;
    expect(pullError(stderr, image, 'linux/amd64').message).toBe(
      `${image} cannot be pulled: Get "https://***@registry.example.com": EOF`,
    );
  });
});

test('an engine that may not be used is told from one that is not there', () => {
  const denied = engineError(
    'permission denied while trying to connect to the Docker daemon socket at unix:///x.sock: connect: permission denied\n',
  );
  const absent = engineError('Cannot connect to the Docker daemon at unix:///x.sock.\n\n');
  expect([denied.message, absent.message]).toEqual([
    'the Docker engine denies access: permission denied while trying to connect to the Docker daemon socket at unix:///x.sock: connect: permission denied',
    'the Docker engine does not answer: Cannot connect to the Docker daemon at unix:///x.sock.',
  ]);
  expect(denied.hint).not.toBe(absent.hint);
  expect(denied.hint).toBe('run `sudo usermod -aG docker $USER`, then log in again');
});
