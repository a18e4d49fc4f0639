import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { serveTestRegistry } from '../support/registry.ts';
import { digestOf, mediaTypes } from '../support/registry-store.ts';

/** A registry on loopback that holds a few tiny images in memory, and can be told to misbehave. */

type Labels = Readonly<Record<string, string>>;

/** A layer with one file. */
const archive = async (content: string): Promise<Buffer> => {
  const tar = pack();
  tar.entry({ name: 'marker' }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

export type FakeRegistry = {
  /** `127.0.0.1:41234`: docker speaks to it without TLS. */
  readonly host: string;
  /** The number of requests. */
  readonly asked: () => number;
  /** Answers every request with this status from now on; 200 ends that. */
  readonly answer: (status: number) => void;
  /** Makes `repository:tag` an image with these labels per platform: one manifest, or an index of several. */
  readonly put: (name: string, platforms: Readonly<Record<string, Labels>>) => Promise<string>;
  readonly close: () => Promise<void>;
};

export const openRegistry = async (): Promise<FakeRegistry> => {
  const { host, store, requests, inject, close } = await serveTestRegistry();

  const addManifest = async (repository: string, platform: string, labels: Labels) => {
    const [os, architecture] = platform.split('/');
    const tar = await archive(`${platform} ${JSON.stringify(labels)}`);
    const layer = { ...store.putBlob(repository, gzipSync(tar)), mediaType: mediaTypes.layer };
    const content = JSON.stringify({
      os,
      architecture,
      config: { Labels: labels },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
      history: [{ created_by: 'COPY' }],
    });
    const config = { ...store.putBlob(repository, content), mediaType: mediaTypes.config };
    const mediaType = mediaTypes.manifest;
    const manifest = { schemaVersion: 2, mediaType, config, layers: [layer] };
    return { ...store.putManifest(repository, manifest), platform: { os, architecture } };
  };

  return {
    host,
    asked: () => requests.length,
    answer: (status) =>
      inject(
        status === 200
          ? undefined
          : () => ({ status, headers: { 'www-authenticate': 'Basic realm="test"' } }),
      ),
    put: async (name, platforms) => {
      const [repository = '', tag = ''] = name.split(':');
      const manifests = await Promise.all(
        Object.entries(platforms).map(([platform, labels]) =>
          addManifest(repository, platform, labels),
        ),
      );
      const [first] = manifests;
      if (manifests.length === 1 && first !== undefined) {
        store.tags.set(name, first.digest);
        return first.digest;
      }
      const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
      return store.putManifest(repository, index, tag).digest;
    },
    close,
  };
};
