/** The error codes of ai-run and bakery, with the meaning and the usual remedy of each. */

/** Programs import the type alone: only docs/errors.md and the tests read the sentences. */
export type ErrorCode = keyof typeof errorCodes;

/** An entry of the table. */
export type ErrorEntry = {
  readonly program: 'both' | 'ai-run' | 'bakery';
  /** One sentence. */
  readonly meaning: string;
  /** The usual remedy, in sentences; codes with several causes may have none. */
  readonly remedy?: string;
};

export const errorCodes = {
  E_ANSWER: {
    program: 'both',
    meaning: 'A program or a server gave an answer that cannot be understood.',
    remedy: 'Check the version of the program that the message names, e.g. with `docker version`.',
  },
  E_APPROVAL: {
    program: 'ai-run',
    meaning: 'The `.ai-run.yaml` of the project asks for more than you have approved.',
    remedy:
      'Start ai-run in a terminal and answer its question, or remove the lines from `.ai-run.yaml`.',
  },
  E_BUILD: {
    program: 'ai-run',
    meaning: '`ai-run --build` started bakery, and bakery failed.',
    remedy: 'Correct the error that bakery printed before.',
  },
  E_COMMAND: {
    program: 'bakery',
    meaning: 'A program that bakery started ended with an error.',
    remedy: 'Read the output of that program in the message.',
  },
  E_CONTEXT: {
    program: 'bakery',
    meaning: 'A lock file changed between the reading of the catalogue and the build of its layer.',
    remedy: 'Run the command again.',
  },
  E_CONTRACT: {
    program: 'ai-run',
    meaning: 'The image describes its agent in a way that ai-run refuses.',
    remedy: 'Use an image that a bakery of the same version built.',
  },
  E_COSIGN: {
    program: 'bakery',
    meaning: 'The installed cosign cannot write signatures that all users can verify.',
    remedy: 'Install cosign 2 or 3.',
  },
  E_DEFINITION: {
    program: 'bakery',
    meaning: 'A definition, a lock or `bakery.yaml` is invalid.',
    remedy: 'Correct the files that the message names; `bakery check` validates all of them.',
  },
  E_DOCKER_CONFIG: {
    program: 'both',
    meaning: 'A file of the docker client, e.g. `~/.docker/config.json`, is invalid or unreadable.',
    remedy: 'Correct the file or its owner, or run `docker login` again.',
  },
  E_ENGINE_UNFIT: {
    program: 'ai-run',
    meaning: 'The engine cannot enforce the sandbox: it is rootless, remaps users, or is Podman.',
    remedy: 'Use a Docker engine that runs as root and does not remap users.',
  },
  E_ENV_FILE: {
    program: 'ai-run',
    meaning: '`~/.ai-env` cannot be read, is not private, or has a line that is not `NAME=value`.',
    remedy: 'Correct the lines that the message names, and run `chmod 600 ~/.ai-env`.',
  },
  E_FILE: {
    program: 'bakery',
    meaning: 'A file cannot be written.',
    remedy: 'Free disk space or correct the permissions, then run the command again.',
  },
  E_FOLDER: {
    program: 'ai-run',
    meaning: 'A folder that ai-run keeps its state in cannot be made or is not safe.',
    remedy: 'Make it a folder of your own, not a symbolic link, that you can write to.',
  },
  E_GIT: {
    program: 'ai-run',
    meaning: 'The git repository of the project cannot be copied for the agent.',
    remedy: 'Correct the repository, or hide it from the agent with `--git none`.',
  },
  E_GIT_ALLOWED: {
    program: 'ai-run',
    meaning: '`~/.ai-git-allowed` cannot be read, is not private, or has an invalid line.',
    remedy: 'Correct the line that the message names, and run `chmod 600 ~/.ai-git-allowed`.',
  },
  E_GIT_FETCH: {
    program: 'ai-run',
    meaning: 'The commits of a session cannot be brought into your repository; they are kept.',
    remedy: 'Remove the obstacle that the message names, then run `ai-run git fetch`.',
  },
  E_GIT_OBJECTS: {
    program: 'ai-run',
    meaning: 'The repository that the agent left cannot be read safely.',
    remedy: 'The files of the project are unchanged: commit them yourself.',
  },
  E_HOME: {
    program: 'ai-run',
    meaning: 'Your home folder, or the one of the agent, is missing or belongs to somebody else.',
    remedy: 'Set HOME, or change the owner of the folder that the message names.',
  },
  E_INTERRUPTED: {
    program: 'bakery',
    meaning: 'A signal interrupted bakery.',
    remedy: 'Run the same command again: finished steps are not repeated.',
  },
  E_LINT: {
    program: 'bakery',
    meaning: 'A rendered Dockerfile breaks a rule of bakery.',
    remedy: 'Correct the definition that the message names.',
  },
  E_LOST_PLATFORM: {
    program: 'bakery',
    meaning: 'The publication would remove a platform from a tag.',
    remedy: 'Publish all platforms, or remove the platform with `--drop-platforms`.',
  },
  E_MASK: {
    program: 'ai-run',
    meaning: 'Secrets in the project cannot all be found and hidden.',
    remedy: 'Share a smaller folder, or rename the file that the message names.',
  },
  E_MOUNT_PATH: {
    program: 'ai-run',
    meaning: 'Docker cannot mount a folder whose path has this character.',
    remedy: 'Rename the folder.',
  },
  E_NETWORK: {
    program: 'ai-run',
    meaning: 'The named network is not one that containers may join.',
    remedy: 'Name a network that `docker network create` made.',
  },
  E_NODE: {
    program: 'both',
    meaning: 'The program runs on a version of Node that is too old.',
    remedy: 'Install the version that the message names.',
  },
  E_NOTHING_TO_BAKE: {
    program: 'bakery',
    meaning: 'None of the selected images is locked for the selected platforms.',
    remedy: 'Select other platforms, or run `bakery update`.',
  },
  E_NO_BAKERY: {
    program: 'ai-run',
    meaning: '`ai-run --build` needs bakery, which is not installed.',
    remedy: 'Install bakery, or use images of a registry with `--image-source registry`.',
  },
  E_NO_BUILDER: {
    program: 'bakery',
    meaning: 'The buildx builder does not answer.',
    remedy: 'Run `docker buildx ls`, and choose a builder with `docker buildx use`.',
  },
  E_NO_BUILDX: {
    program: 'bakery',
    meaning: 'The buildx plugin of docker is missing or too old.',
    remedy: 'Install or upgrade docker-buildx.',
  },
  E_NO_CATALOGUE: {
    program: 'bakery',
    meaning: 'The checkout has no `agents` or no `runtimes` folder.',
    remedy: 'Run bakery in a checkout, or name one with `--root`.',
  },
  E_NO_CHECKOUT: {
    program: 'bakery',
    meaning: 'The command needs a checkout with a `bakery.yaml` that can be written.',
    remedy: 'Run bakery in a checkout, or name one with `--root`.',
  },
  E_NO_CONTAINERD_STORE: {
    program: 'bakery',
    meaning: 'The engine keeps images in a store that holds one platform per image.',
    remedy:
      'Set `{"features":{"containerd-snapshotter":true}}` in the `daemon.json` of the engine, and restart it.',
  },
  E_NO_CONTRACT: {
    program: 'ai-run',
    meaning: 'The image is not the image of an agent: bakery did not build it.',
    remedy: 'Use an image that bakery built.',
  },
  E_NO_DELETE: {
    program: 'bakery',
    meaning: 'The registry does not delete manifests.',
    remedy: 'Enable deletion in the registry, or use its own clean-up.',
  },
  E_NO_ENGINE: {
    program: 'both',
    meaning: 'The Docker engine does not answer, or refuses the connection.',
    remedy:
      'Start Docker; check `docker context ls`, DOCKER_HOST and DOCKER_CONTEXT; check that your user may use its socket.',
  },
  E_NO_IMAGE: {
    program: 'ai-run',
    meaning: 'The image does not exist here, or not in the registry.',
    remedy: 'Build it with `bakery build`, or check AI_IMAGE_REGISTRY and the names.',
  },
  E_NO_LAYER: {
    program: 'bakery',
    meaning: 'The registry does not have a layer that an image is composed of.',
    remedy: 'Publish again: missing layers are built.',
  },
  E_NO_PLATFORM: {
    program: 'ai-run',
    meaning: 'The image exists, but not for the platform of the engine.',
    remedy: 'Set AI_RUN_PLATFORM to a platform that the image has and the engine can run.',
  },
  E_NO_PROGRAM: {
    program: 'both',
    meaning: 'A program that is needed is not installed or cannot be started.',
    remedy: 'Install the program that the message names.',
  },
  E_NO_SESSION: {
    program: 'ai-run',
    meaning: 'No running session has this name.',
    remedy: 'List the sessions with `ai-run ps`.',
  },
  E_OUTPUT: {
    program: 'ai-run',
    meaning: 'Standard output cannot be written.',
    remedy: 'Free disk space, or write to another file.',
  },
  E_PIPELINE_SIZE: {
    program: 'bakery',
    meaning: 'The pipeline would have more jobs than GitLab accepts.',
    remedy: 'Generate one pipeline for each part of the catalogue, with `bakery ci <agents>`.',
  },
  E_PROJECT_FILE: {
    program: 'ai-run',
    meaning: '`.ai-run.yaml` is invalid or cannot be read.',
    remedy: 'Correct the line that the message names.',
  },
  E_READ_BACK: {
    program: 'bakery',
    meaning: 'The registry does not return the manifest that bakery has just written.',
    remedy: 'Publish again: finished writes are not repeated.',
  },
  E_REFERENCE: {
    program: 'both',
    meaning: 'A text is not an image reference.',
    remedy: 'Write `registry/repository:tag`.',
  },
  E_REGISTRY: {
    program: 'both',
    meaning: 'The registry does not answer, or refuses the request.',
    remedy: 'Check the address, the network and `docker login`.',
  },
  E_RESOLVE: {
    program: 'bakery',
    meaning: 'The requirements of a Python agent cannot be resolved.',
    remedy: 'Read the reason that uv gives in the message.',
  },
  E_SESSION: {
    program: 'ai-run',
    meaning: 'The named session is still running, or nothing is kept of it.',
    remedy: 'List the kept sessions with `ai-run git list`.',
  },
  E_SESSIONS: {
    program: 'ai-run',
    meaning: '`ai-run uninstall` removes nothing while sessions are running.',
    remedy: 'End the sessions, or run `ai-run stop --all`.',
  },
  E_SETTING: {
    program: 'both',
    meaning: 'A setting has a value that is not allowed.',
    remedy: 'Correct the variable or the file that the message names.',
  },
  E_SETUP: {
    program: 'ai-run',
    meaning: '`ai-run setup` or `ai-run uninstall` cannot change the files of the shell.',
    remedy: 'Correct the file that the message names, or name the shell with `--shell`.',
  },
  E_SIGN: {
    program: 'bakery',
    meaning: 'An image cannot be signed, or the signing key cannot be used.',
    remedy: 'Check COSIGN_PASSWORD, the key and `docker login`.',
  },
  E_SIGNAL: {
    program: 'ai-run',
    meaning: 'A signal ended ai-run. It then ends by that signal and prints nothing.',
  },
  E_SIGNATURE: {
    program: 'ai-run',
    meaning: 'The image is signed, but not by the key or identity in AI_IMAGE_VERIFY.',
    remedy: 'Do not run the image before you know who built it.',
  },
  E_SSH_KEY: {
    program: 'ai-run',
    meaning: 'The SSH key for the agent is missing, ambiguous, or protected by a passphrase.',
    remedy: 'Name a key that needs no passphrase with `--ssh-key`.',
  },
  E_TEMPLATE: {
    program: 'bakery',
    meaning: 'A template of a Dockerfile cannot be rendered.',
    remedy: 'Correct the template that the message names.',
  },
  E_TIMEOUT: {
    program: 'bakery',
    meaning: 'A program that bakery started did not end in time.',
    remedy: 'Run the command again.',
  },
  E_UNKNOWN: {
    program: 'bakery',
    meaning: 'The name of an agent, a runtime, a platform or a layer does not exist.',
    remedy: 'Use one of the names in the hint.',
  },
  E_UNSIGNED: {
    program: 'ai-run',
    meaning: 'The image has no signature, and AI_IMAGE_VERIFY demands one.',
    remedy: 'Do not run the image before you know who built it.',
  },
  E_UPSTREAM_UNLOCKED: {
    program: 'bakery',
    meaning: 'The lock has no digest for an upstream image.',
    remedy: 'Run `bakery update --upstreams`.',
  },
  E_USAGE: {
    program: 'both',
    meaning: 'The command line is wrong.',
    remedy: 'Read `ai-run --help` or `bakery --help`.',
  },
  E_VERIFY: {
    program: 'ai-run',
    meaning: 'AI_IMAGE_VERIFY is set, but the signature of the image could not be checked.',
    remedy: 'Check AI_IMAGE_VERIFY, the network and `docker login`.',
  },
  E_WORKSPACE: {
    program: 'ai-run',
    meaning: 'This folder is not shared with an agent.',
    remedy: 'Start ai-run in the folder of one project, and add it to `~/.ai-workspaces`.',
  },
  E_WORKSPACES: {
    program: 'ai-run',
    meaning: '`~/.ai-workspaces` cannot be read or written, is not safe, or has an invalid line.',
    remedy: 'Correct the line that the message names, and run `chmod 600 ~/.ai-workspaces`.',
  },
} as const satisfies Readonly<Record<string, ErrorEntry>>;
