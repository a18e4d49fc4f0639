import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

/** A registry on loopback that is read only, holds a few tiny images in memory, and can be told to misbehave. */

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
};

type Blob = { readonly type: string; readonly bytes: Buffer };
type Labels = Readonly<Record<string, string>>;

const digestOf = (bytes: Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

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
  /** The number of requests so far. */
  readonly asked: () => number;
  /** Answers everything with this status from now on; 200 is its usual self. */
  readonly answer: (status: number) => void;
  /** Makes `repository:tag` an image with these labels per platform: one manifest, or an index of several. */
  readonly put: (name: string, platforms: Readonly<Record<string, Labels>>) => Promise<string>;
  readonly close: () => Promise<void>;
};

export const openRegistry = async (): Promise<FakeRegistry> => {
  const blobs = new Map<string, Blob>();
  const tags = new Map<string, string>();
  let status = 200;
  let asked = 0;

  const add = (type: string, content: Buffer | object) => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const digest = digestOf(bytes);
    blobs.set(digest, { type, bytes });
    return { mediaType: type, digest, size: bytes.length };
  };

  const addManifest = async (platform: string, labels: Labels) => {
    const [os, architecture] = platform.split('/');
    const tar = await archive(`${platform} ${JSON.stringify(labels)}`);
    const layers = [add(types.layer, gzipSync(tar))];
    const config = add(types.config, {
      os,
      architecture,
      config: { Labels: labels },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
      history: [{ created_by: 'COPY' }],
    });
    const manifest = { schemaVersion: 2, mediaType: types.manifest, config, layers };
    return { ...add(types.manifest, manifest), platform: { os, architecture } };
  };

  const server = createServer((request, response) => {
    asked += 1;
    const [, name = '', kind, reference = ''] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/?]+)$/.exec(request.url ?? '') ?? [];
    const digest = reference.startsWith('sha256:') ? reference : tags.get(`${name}:${reference}`);
    const blob = blobs.get(digest ?? '');
    if (status !== 200) {
      response.writeHead(status, { 'www-authenticate': 'Basic realm="test"' }).end();
    } else if (kind === undefined) {
      response.writeHead(200).end();
    } else if (blob === undefined || digest === undefined) {
      response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
    } else {
      response.writeHead(200, {
        'content-type': blob.type,
        'content-length': blob.bytes.length,
        'docker-content-digest': digest,
      });
      response.end(request.method === 'HEAD' ? undefined : blob.bytes);
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));

  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    answer: (next) => {
      status = next;
    },
    put: async (name, platforms) => {
      const manifests = await Promise.all(
        Object.entries(platforms).map(([platform, labels]) => addManifest(platform, labels)),
      );
      const [first] = manifests;
      const top =
        manifests.length === 1 && first !== undefined
          ? first
          : add(types.index, { schemaVersion: 2, mediaType: types.index, manifests });
      tags.set(name, top.digest);
      return top.digest;
    },
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
};
