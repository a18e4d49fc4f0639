import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import {
  type Digest,
  formatReference,
  parseReference,
  type Reference,
} from '@ai-bakery/kernel/reference.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';
import {
  digestOf,
  type Manifest,
  mediaTypes,
  parseFaults,
  parseManifest,
  parseTags,
} from './manifest.rules.ts';
import { isTorn, isUnseen } from './challenge.rules.ts';
import { patienceOf } from '../catalogue/settings.rules.ts';
import { persist } from '../host/retry.ts';
import { authorize } from './authorize.ts';
import { addressOf, type Answer, ask } from './http.ts';

/** What registries are asked for. Distribution spec: github.com/opencontainers/distribution-spec */

/** All of these throw UserError E_REGISTRY with the reference and the registry's answer. */
export type Registry = {
  /**
   * What the registry has under a reference.
   * @returns undefined where it has nothing.
   */
  readonly readManifest: (reference: string) => Promise<Manifest | undefined>;
  /** Puts these very bytes under a reference's tag; doing it twice is doing it once. What they name has been written before. */
  readonly writeManifest: (reference: string, manifest: Manifest) => Promise<void>;
  /**
   * Deletes a manifest by digest, and with it every tag that points to it. One that is gone is no error.
   * @throws UserError E_NO_DELETE where the registry deletes nothing.
   */
  readonly deleteManifest: (reference: string) => Promise<void>;
  /** A blob of this repository, read into memory. */
  readonly readBlob: (repository: string, digest: Digest) => Promise<Uint8Array<ArrayBuffer>>;
  /** Uploads a blob where it is not there yet. */
  readonly writeBlob: (repository: string, body: Uint8Array<ArrayBuffer>) => Promise<void>;
  /**
   * Makes a blob of one repository one of another as well, without moving it.
   * @param from a repository of the same registry.
   * @returns whether the registry did.
   */
  readonly mountBlob: (repository: string, digest: Digest, from: string) => Promise<boolean>;
  /** All tags of a repository; none where it does not exist. */
  readonly readTags: (repository: string) => Promise<string[]>;
};

/** One request; without a method it reads. */
type Question = {
  readonly method?: 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Whether its body, or that of its answer, is a blob, which may be a layer of some hundred megabytes. */
  readonly isLarge?: true;
};

/** Milliseconds that an answer without a blob may take, to its last byte. */
const longest = 60_000;

/** A reference with all that an address needs. */
type Place = Reference & { readonly registry: string };

/** How often a request is sent with other credentials. */
const maximumTries = 4;

/** How often something is written from its beginning. */
const maximumWrites = 6;

/**
 * A client of all registries, with the credentials that docker has.
 * @param patience milliseconds that sending and answering may take at most.
 */
export function openRegistry(signal: AbortSignal, patience = patienceOf({})): Registry {
  const usual = Math.min(longest, patience);
  /** By registry, repository and whether something is written: what authorized last. */
  const known = new Map<string, string>();
  /** By the same: what is being asked for, once for all requests that wait for it. */
  const asked = new Map<string, Promise<string | undefined>>();

  const renew = (place: string, answer: Answer, registry: string): Promise<string | undefined> => {
    const renewing =
      asked.get(place) ??
      authorize(answer, registry, signal, usual).finally(() => {
        asked.delete(place);
      });
    asked.set(place, renewing);
    return renewing;
  };

  const request = async (
    { registry, repository }: Place,
    url: string,
    { isLarge, ...init }: Question,
  ): Promise<Answer> => {
    const send = (authorization: string | undefined): Promise<Answer> =>
      ask(
        url,
        {
          ...init,
          headers: { ...init.headers, ...(authorization === undefined ? {} : { authorization }) },
        },
        signal,
        isLarge === true ? patience : usual,
      );
    const reads = init.method === undefined || init.method === 'HEAD';
    const place = `${reads ? 'read' : 'write'} ${registry}/${repository}`;
    for (let tries = 1; ; tries += 1) {
      const used = known.get(place);
      const answer = await send(used);
      // The first time, and whenever a token has expired: it may have been a short time from its end when it was given out.
      if (answer.status !== 401 || tries >= maximumTries) return answer;
      // Another request may have got a new one meanwhile.
      if (known.get(place) !== used) continue;
      const authorization = await renew(place, answer, registry);
      // Nobody has other credentials: they are wrong.
      if (authorization === undefined || authorization === used) return answer;
      known.set(place, authorization);
    }
  };

  /** Writes from the beginning again, while it is `isLost` that the registry says. */
  const write = (send: () => Promise<Answer>, isLost: (said: string) => boolean): Promise<void> =>
    persist(
      async () => {
        const answer = await send();
        if (answer.status !== 200 && answer.status !== 201) throw failure(answer);
      },
      { tries: maximumWrites, mayPass: (error) => isLost(messageOf(error)), signal },
    );

  return {
    readManifest: (text) =>
      at(text, async (place, base) => {
        const headers = { accept: mediaTypes.join(', ') };
        const answer = await request(place, `${base}/${manifestPath(place)}`, { headers });
        if (answer.status === 404) return undefined;
        if (answer.status !== 200) throw failure(answer);
        const manifest = parseManifest(answer.body);
        if (place.digest !== undefined && place.digest !== manifest.digest)
          throw new Error(`the registry sent ${manifest.digest}`);
        return manifest;
      }),
    writeManifest: (text, { body, mediaType }) =>
      at(text, async (place, base) => {
        const headers = { 'content-type': mediaType };
        const put = { method: 'PUT', headers, body } as const;
        await write(() => request(place, `${base}/${manifestPath(place)}`, put), isUnseen);
      }),
    deleteManifest: (text) =>
      at(text, async (place, base) => {
        const answer = await request(place, `${base}/${manifestPath(place)}`, { method: 'DELETE' });
        if (answer.status === 405 || answer.status === 501) {
          throw new UserError('E_NO_DELETE', `${place.registry} does not delete manifests`, {
            hint: 'switch deletion on (storage.delete.enabled of the distribution registry), or use its own clean-up',
          });
        }
        if (answer.status !== 202 && answer.status !== 404) throw failure(answer);
      }),
    readBlob: (text, digest) =>
      at(text, async (place, base) => {
        const answer = await request(place, `${base}/blobs/${digest}`, { isLarge: true });
        if (answer.status !== 200) throw failure(answer);
        if (digestOf(answer.body) !== digest)
          throw new Error(`the registry sent another ${digest}`);
        return answer.body;
      }),
    writeBlob: (text, body) =>
      at(text, async (place, base) => {
        const digest = digestOf(body);
        const upload = async (): Promise<Answer> => {
          const there = await request(place, `${base}/blobs/${digest}`, { method: 'HEAD' });
          if (there.status === 200) return there;
          const begun = await request(place, `${base}/blobs/uploads/`, { method: 'POST' });
          if (begun.status !== 202) return begun;
          const url = new URL(begun.headers.get('location') ?? '', base);
          if (url.origin !== new URL(base).origin)
            throw new Error(`uploads go to ${url.origin}, which is not to see its credentials`);
          url.searchParams.set('digest', digest);
          const headers = { 'content-type': 'application/octet-stream' };
          return request(place, url.href, { method: 'PUT', headers, body, isLarge: true });
        };
        await write(upload, isTorn);
      }),
    mountBlob: (text, digest, from) =>
      at(text, async (place, base) => {
        const there = await request(place, `${base}/blobs/${digest}`, { method: 'HEAD' });
        if (there.status === 200) return true;
        const query = new URLSearchParams({ mount: digest, from: locate(from).repository });
        const answer = await request(place, `${base}/blobs/uploads/?${query.toString()}`, {
          method: 'POST',
        });
        // 202: it has begun an upload instead.
        if (answer.status !== 201 && answer.status !== 202) throw failure(answer);
        return answer.status === 201;
      }),
    readTags: (text) =>
      at(text, async (place, base) => {
        const tags: string[] = [];
        let url: string | undefined = `${base}/tags/list?n=1000`;
        while (url !== undefined) {
          const answer: Answer = await request(place, url, {});
          if (answer.status === 404) break;
          if (answer.status !== 200) throw failure(answer);
          tags.push(...parseTags(answer.body));
          url = nextPage(answer, url);
        }
        return tags;
      }),
  };
}

function failure({ status, statusText, body }: Answer): Error {
  return new Error([`${status} ${statusText}`, ...parseFaults(body)].join(': '));
}

/** Says of what goes wrong where it went wrong. */
async function at<T>(text: string, work: (place: Place, base: string) => Promise<T>): Promise<T> {
  const place = locate(text);
  try {
    return await work(place, `${addressOf(place.registry)}/v2/${place.repository}`);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw refused(formatReference(parseReference(text)), messageOf(error));
  }
}

function manifestPath({ digest, tag }: Reference): string {
  return `manifests/${digest ?? tag ?? 'latest'}`;
}

function locate(text: string): Place {
  const parsed = parseReference(text);
  const { registry = 'docker.io', repository } = parsed;
  const isOfficial = registry === 'docker.io' && !repository.includes('/');
  return { ...parsed, registry, repository: isOfficial ? `library/${repository}` : repository };
}

/** The next page, which must be the same registry's: credentials are sent to it. RFC 8288 */
function nextPage({ headers }: Answer, url: string): string | undefined {
  const link = /<([^>]+)>\s*;\s*rel="?next"?/.exec(headers.get('link') ?? '')?.[1];
  const next = link === undefined ? undefined : new URL(link, url);
  return next?.origin === new URL(url).origin ? next.href : undefined;
}

function refused(reference: string, answer: string): UserError {
  return new UserError('E_REGISTRY', `${reference}: ${redacted(answer)}`, {
    hint: 'check the address and `docker login`, or name a mirror in bakery.local.yaml',
  });
}
