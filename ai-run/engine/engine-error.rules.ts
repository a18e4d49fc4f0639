/** The errors of docker's client, told apart by its output. */

import { deniedFile } from '@ai-bakery/kernel/denied-file.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';

/** Docker's client has one exit code for all failures, so only its output tells them apart. */

const denied = /permission denied while trying to connect/i;

const unreachable =
  /cannot connect to the docker daemon|failed to connect to the docker api|error during connect|failed to initialize/i;

/** The hint for an answer of docker that ai-run does not understand. */
export const versionHint = 'check `docker version`: ai-run needs an engine of the last years';

/** Makes the error for an engine that did not answer: E_NO_ENGINE. */
export function engineError(stderr: string): UserError {
  return denied.test(stderr)
    ? new UserError('E_NO_ENGINE', `the Docker engine denies access: ${reasonOf(stderr)}`, {
        hint: 'run `sudo usermod -aG docker $USER`, then log in again',
      })
    : new UserError('E_NO_ENGINE', `the Docker engine does not answer: ${reasonOf(stderr)}`, {
        hint: 'start Docker, or check DOCKER_HOST, DOCKER_CONTEXT and `docker context ls`',
      });
}

/** Makes the error for an image that a registry has for other platforms only: E_NO_PLATFORM. */
export function platformError(image: string, platform: string): UserError {
  return new UserError('E_NO_PLATFORM', `${image} does not exist for ${platform}`, {
    hint: 'set AI_RUN_PLATFORM to one of its platforms, if the engine can run that',
  });
}

/**
 * Makes the error for a failed pull: E_NO_ENGINE, E_DOCKER_CONFIG, E_NO_PLATFORM, E_NO_IMAGE or E_REGISTRY.
 * @param image the name with its registry, e.g. `registry.example.com/ai/ai-claude:go`.
 */
export function pullError(stderr: string, image: string, platform: string): UserError {
  if (denied.test(stderr) || unreachable.test(stderr)) return engineError(stderr);
  const unreadable = deniedFile(stderr);
  if (unreadable !== undefined) return unreadable;
  // The image's own name must not be taken for a reason.
  const text = stderr.replaceAll(image, 'image');
  if (/no match(ing manifest)? for |does not (match|provide) the specified platform/i.test(text)) {
    return platformError(image, platform);
  }
  if (/unauthorized|forbidden|denied|authorization failed/i.test(text)) {
    return new UserError('E_REGISTRY', `the registry refuses ${image}: ${reasonOf(stderr)}`, {
      hint: `run \`docker login ${image.split('/')[0]}\` as a user who can read it`,
    });
  }
  if (/manifest unknown|name unknown|not found\s*$/i.test(text)) {
    return new UserError('E_NO_IMAGE', `the registry has no ${image}`, {
      hint: 'check the names of the agent and the runtime, and AI_IMAGE_REGISTRY',
    });
  }
  return new UserError('E_REGISTRY', `${image} cannot be pulled: ${reasonOf(stderr)}`, {
    hint: 'check the network and AI_IMAGE_REGISTRY',
  });
}

/** Returns the last line of docker's output, without the prefixes of its errors. */
function reasonOf(stderr: string): string {
  const lines = redacted(stderr)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(Run|See) /.test(line));
  return (lines.at(-1) ?? 'docker gave no reason').replace(
    /^(docker: |Error response from daemon: |unknown: |failed to resolve reference "[^"]*": |failed to do request: )+/,
    '',
  );
}
