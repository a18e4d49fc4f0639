import { createHash } from 'node:crypto';
import { isPublicTag } from './request.ts';

/** Reads a registry directly, and believes nothing: every byte behind every public tag is downloaded and hashed. */
export type Audit = {
  /** By `repository:tag`, for public tags. */
  readonly tags: ReadonlyMap<string, { readonly digest: string; readonly version: string }>;
  /** The faults: `acme/ai-one:base: no test of linux/arm64`. */
  readonly wrong: readonly string[];
  /** Bodies that were downloaded and hashed. */
  readonly hashed: number;
};

type Descriptor = {
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
};
type Content = {
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
};

const accept =
  'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json';
const architectures = ['amd64', 'arm64'];

const digestOf = (body: Buffer): string =>
  `sha256:${createHash('sha256').update(body).digest('hex')}`;

/** @param known `repository digest` of blobs that an earlier audit has hashed: of those, only that they are there is asked. */
export const audit = async (
  registry: string,
  repositories: readonly string[],
  known: Set<string>,
): Promise<Audit> => {
  const tags = new Map<string, { digest: string; version: string }>();
  const wrong: string[] = [];
  let hashed = 0;

  const get = async (path: string): Promise<Buffer | undefined> => {
    const answer = await fetch(`http://${registry}/v2/${path}`, { headers: { accept } });
    const body = Buffer.from(await answer.arrayBuffer());
    return answer.status === 200 ? body : undefined;
  };
  /** The content of a digest, where it is what it says. */
  const read = async (
    repository: string,
    kind: 'manifests' | 'blobs',
    { digest, size }: Descriptor,
  ): Promise<Buffer | undefined> => {
    const body = await get(`${repository}/${kind}/${digest}`);
    hashed += 1;
    if (body === undefined) wrong.push(`${repository}@${digest}: not there`);
    else if (body.length !== size || digestOf(body) !== digest)
      wrong.push(`${repository}@${digest}: ${body.length} bytes, ${digestOf(body)}`);
    else return body;
    return undefined;
  };
  const checkBlob = async (repository: string, blob: Descriptor): Promise<void> => {
    const name = `${repository} ${blob.digest}`;
    if (!known.has(name)) {
      if ((await read(repository, 'blobs', blob)) !== undefined) known.add(name);
      return;
    }
    const url = `http://${registry}/v2/${repository}/blobs/${blob.digest}`;
    const { status, headers } = await fetch(url, { method: 'HEAD' });
    if (status !== 200 || Number(headers.get('content-length')) !== blob.size)
      wrong.push(`${repository}@${blob.digest}: not there any more`);
  };
  const checkImage = async (repository: string, child: Descriptor): Promise<void> => {
    const manifest = await read(repository, 'manifests', child);
    if (manifest === undefined) return;
    const { config, layers = [] } = JSON.parse(manifest.toString()) as Content;
    if (config === undefined || layers.length === 0)
      wrong.push(`${repository}@${child.digest}: no image`);
    for (const blob of [...(config === undefined ? [] : [config]), ...layers])
      await checkBlob(repository, blob);
  };

  for (const repository of repositories) {
    const listed = await get(`${repository}/tags/list`);
    const { tags: names } = JSON.parse(listed?.toString() ?? '{}') as {
      tags?: readonly string[] | null;
    };
    const bodies = new Map<string, Buffer>();
    for (const tag of names ?? []) {
      const body = await get(`${repository}/manifests/${tag}`);
      if (body === undefined) wrong.push(`${repository}:${tag}: listed, and not there`);
      else bodies.set(tag, body);
    }
    const isTested = (digest: string, architecture: string): boolean =>
      [...bodies].some(
        ([tag, body]) =>
          new RegExp(`^tested-[0-9a-f]{12}-${architecture}$`).test(tag) &&
          digestOf(body) === digest,
      );
    for (const [tag, body] of bodies) {
      if (!isPublicTag(tag)) continue;
      const place = `${repository}:${tag}`;
      const digest = digestOf(body);
      const { manifests = [], annotations = {} } = JSON.parse(body.toString()) as Content;
      const version = annotations['org.opencontainers.image.version'] ?? '';
      tags.set(place, { digest, version });
      if (/^\d/.test(tag) && !tag.startsWith(`${version}-`))
        wrong.push(`${place}: an index of version ${version}`);
      for (const architecture of architectures) {
        if (!isTested(digest, architecture)) wrong.push(`${place}: no test of ${architecture}`);
        if (!manifests.some(({ platform }) => platform?.architecture === architecture))
          wrong.push(`${place}: nothing for ${architecture}`);
      }
      for (const child of manifests) await checkImage(repository, child);
    }
  }
  return { tags, wrong, hashed };
};
