/** Image references: the grammar, the parser and the text. */

import { UserError } from './error.ts';

/** Content address of a blob: `sha256:` and 64 hex digits. OCI image spec, descriptor.md#digests. */
export type Digest = `sha256:${string}`;

/** An image name: `[registry/]repository[:tag][@digest]`. */
export type Reference = {
  /** `ghcr.io`, `127.0.0.1:5000`; absent for an image of the local engine. */
  readonly registry?: string;
  /** `acme/ai-claude` */
  readonly repository: string;
  /** `php8.4` */
  readonly tag?: string;
  readonly digest?: Digest;
};

// The grammar of github.com/distribution/reference, anchored.
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';

const pattern = new RegExp(
  `^(?:((?:${label}\\.)+${label}(?::\\d+)?|localhost(?::\\d+)?|${label}:\\d+)/)?` +
    `(${component}(?:/${component})*)(?::([\\w][\\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/**
 * Parses an image reference.
 * @throws UserError E_REFERENCE with the text, if it is not one.
 */
export function parseReference(text: string): Reference {
  const match = pattern.exec(text);
  if (match?.[2] === undefined) {
    throw new UserError('E_REFERENCE', `not an image reference: ${JSON.stringify(text)}`, {
      hint: 'write registry/repository:tag, like "ghcr.io/acme/ai-claude:go"',
    });
  }
  const [, registry, repository, tag, digest] = match;
  return {
    ...(registry === undefined ? {} : { registry }),
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(isDigest(digest) ? { digest } : {}),
  };
}

export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry === undefined ? '' : `${registry}/`}${repository}${tag === undefined ? '' : `:${tag}`}${
    digest === undefined ? '' : `@${digest}`
  }`;
}

function isDigest(text: string | undefined): text is Digest {
  return text?.startsWith('sha256:') === true;
}
