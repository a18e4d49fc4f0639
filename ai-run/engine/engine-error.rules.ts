import { UserError } from '@ai-bakery/kernel/error.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';

/** Docker's client exits alike whatever went wrong; what it prints is all there is to tell one failure from another. */

const denied = /permission denied while trying to connect/i;

const unreachable =
  /cannot connect to the docker daemon|failed to connect to the docker api|error during connect|failed to initialize/i;

/** Why the engine did not answer a question about an image. Code E_NO_ENGINE. */
export function engineError(stderr: string): UserError {
  return denied.test(stderr)
    ? new UserError('E_NO_ENGINE', `the Docker engine refuses you: ${reasonOf(stderr)}`, {
        hint: 'join the group docker and log in again, or use a rootless engine',
      })
    : new UserError('E_NO_ENGINE', `the Docker engine does not answer: ${reasonOf(stderr)}`, {
        hint: 'start Docker, or look at DOCKER_HOST, DOCKER_CONTEXT and `docker context ls`',
      });
}

/** A registry has an image, and not for this platform. Code E_NO_PLATFORM. */
export function platformError(image: string, platform: string): UserError {
  return new UserError('E_NO_PLATFORM', `there is no ${image} for ${platform}`, {
    hint: 'set AI_RUN_PLATFORM to a platform it is made for, if the engine can run that',
  });
}

/**
 * Why an image could not be pulled.
 * @param image with its registry, e.g. `registry.example.com/ai/ai-claude:go`.
 * Codes E_NO_ENGINE, E_NO_PLATFORM, E_NO_IMAGE, E_REGISTRY.
 */
export function pullError(stderr: string, image: string, platform: string): UserError {
  if (denied.test(stderr) || unreachable.test(stderr)) return engineError(stderr);
  // The image's own name must not be taken for a reason.
  const text = stderr.replaceAll(image, 'image');
  if (/no match(ing manifest)? for |does not (match|provide) the specified platform/i.test(text)) {
    return platformError(image, platform);
  }
  if (/unauthorized|forbidden|denied|authorization failed/i.test(text)) {
    return new UserError('E_REGISTRY', `the registry refuses ${image}: ${reasonOf(stderr)}`, {
      hint: `log in with \`docker login ${image.split('/')[0]}\`, as somebody who may read it`,
    });
  }
  if (/manifest unknown|name unknown|not found\s*$/i.test(text)) {
    return new UserError('E_NO_IMAGE', `the registry has no ${image}`, {
      hint: 'look at the names of the agent and the runtime, and at AI_IMAGE_REGISTRY',
    });
  }
  return new UserError('E_REGISTRY', `${image} cannot be pulled: ${reasonOf(stderr)}`, {
    hint: 'look at the network and at AI_IMAGE_REGISTRY',
  });
}

/** What docker said last, on one line, without the words that stand in front of every error. */
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
