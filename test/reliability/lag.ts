import { createHash } from 'node:crypto';
import type { RegistryRequest } from './request.ts';

/** The registry's answers from before a write. */
type Before = { readonly status: number; readonly headers: Headers; readonly body: Buffer };

/** Read-after-write lag: for a while, what was written does not show. */
export type Lag = {
  /** Remembers what there is now where this manifest is about to be written. */
  readonly begin: (request: RegistryRequest, body: Buffer, milliseconds: number) => Promise<void>;
  /** The answer that replaces the current one. */
  readonly answer: (request: RegistryRequest) => Before | undefined;
  readonly end: () => void;
};

const place = (repository: string, reference: string): string => `${repository} ${reference}`;

export const openLag = (registry: string): Lag => {
  const until = new Map<string, { readonly before: Before; readonly time: number }>();
  const read = async (repository: string, reference: string): Promise<Before> => {
    const accept =
      'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json';
    const url = `http://${registry}/v2/${repository}/manifests/${reference}`;
    const answer = await fetch(url, { headers: { accept } });
    const { status, headers } = answer;
    return { status, headers, body: Buffer.from(await answer.arrayBuffer()) };
  };
  return {
    begin: async ({ repository, reference }, body, milliseconds) => {
      const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
      for (const each of new Set([reference, digest])) {
        const before = await read(repository, each);
        until.set(place(repository, each), { before, time: performance.now() + milliseconds });
      }
    },
    answer: ({ about, method, repository, reference }) => {
      if (about !== 'manifest' || (method !== 'GET' && method !== 'HEAD')) return undefined;
      const found = until.get(place(repository, reference));
      return found !== undefined && performance.now() < found.time ? found.before : undefined;
    },
    end: () => until.clear(),
  };
};
