/** Determines the repository and the commit that definitions came from. */

/**
 * The origin of definitions. It is an annotation of indexes and not a label of images, because a commit that changes nothing
 * of an image would change its digest.
 */
export type Origin = {
  /** URL of the repository. */
  readonly source?: string;
  /** Commit. */
  readonly revision?: string;
};

/** The checkout's state in git: without git, in a repository that does not track the definitions, or tracked. */
export type GitState =
  | 'no git'
  | 'not tracked'
  | {
      readonly remote?: string;
      readonly head: string;
      /** Whether no definition differs from what is committed. */
      readonly isClean: boolean;
    };

type Environment = Readonly<Record<string, string | undefined>>;

export const sourceName = 'org.opencontainers.image.source';

const revisionName = 'org.opencontainers.image.revision';

/**
 * Takes each part from the setting, from the variables of a job of GitLab or GitHub, or from git, in this order. A job's
 * variables count if the job's commit is checked out, and definitions that are not committed have no revision.
 */
export function originOf(setting: string | undefined, env: Environment, git: GitState): Origin {
  const ci = fromCi(env);
  if (git === 'not tracked') return originWith(setting, undefined);
  if (git === 'no git') return originWith(setting ?? ci.source, ci.revision);
  const isOfJob = git.head === ci.revision;
  return originWith(
    setting ?? (isOfJob ? ci.source : undefined) ?? publicUrl(git.remote),
    git.isClean ? commit(git.head) : undefined,
  );
}

/** As annotations of an index. */
export function originAnnotations({ source, revision }: Origin): Record<string, string> {
  return {
    ...(source === undefined ? {} : { [sourceName]: source }),
    ...(revision === undefined ? {} : { [revisionName]: revision }),
  };
}

function fromCi(env: Environment): Origin {
  const { CI_PROJECT_URL, CI_COMMIT_SHA, GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_SHA } = env;
  const onGitHub =
    GITHUB_SERVER_URL === undefined || GITHUB_REPOSITORY === undefined
      ? undefined
      : `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}`;
  return originWith(publicUrl(CI_PROJECT_URL ?? onGitHub), commit(CI_COMMIT_SHA ?? GITHUB_SHA));
}

function originWith(source: string | undefined, revision: string | undefined): Origin {
  return {
    ...(source === undefined ? {} : { source }),
    ...(revision === undefined ? {} : { revision }),
  };
}

/** A URL without user, password and query; undefined for other addresses, like `git@host:path`. */
function publicUrl(text: string | undefined): string | undefined {
  if (text === undefined || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (!['https:', 'http:', 'ssh:', 'git:'].includes(url.protocol) || url.host === '')
    return undefined;
  url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  return url.href;
}

function commit(text: string | undefined): string | undefined {
  return text !== undefined && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text) ? text : undefined;
}
