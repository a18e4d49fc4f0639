/** Locates a reference: its registry, its repository there and the URL of its API. */

import { formatReference, parseReference, type Reference } from '@ai-bakery/kernel/reference.ts';

/** A reference with a registry: Docker Hub's repositories of one name belong to `library`. */
export type Place = Reference & {
  readonly registry: string;
  /** The reference as errors show it. */
  readonly subject: string;
  /** `https://ghcr.io/v2/acme/ai-claude` */
  readonly base: string;
};

/** @throws UserError E_REFERENCE */
export function locate(text: string): Place {
  const parsed = parseReference(text);
  const { registry = 'docker.io' } = parsed;
  const isOfficial = registry === 'docker.io' && !parsed.repository.includes('/');
  const repository = isOfficial ? `library/${parsed.repository}` : parsed.repository;
  const base = `${originOf(registry)}/v2/${repository}`;
  return { ...parsed, registry, repository, subject: formatReference(parsed), base };
}

/** Whether a registry's credentials may be sent to this URL. */
export function isOfRegistry(url: string, { base }: Place): boolean {
  return URL.canParse(url) && new URL(url).origin === new URL(base).origin;
}

/** A registry on loopback speaks plain HTTP, as docker expects. */
function originOf(registry: string): string {
  const name = registry.replace(/:\d+$/, '');
  if (name === 'localhost' || name.startsWith('127.')) return `http://${registry}`;
  return `https://${registry === 'docker.io' ? 'registry-1.docker.io' : registry}`;
}
