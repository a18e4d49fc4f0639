import * as z from 'zod/mini';

/** An image of an agent that the engine has, under one of its names. */
export type ListedImage = {
  /** `ai-claude:go`, `registry.example.com/ai/ai-claude:go` */
  readonly image: string;
  readonly agent: string;
  readonly runtime: string;
  /** The agent's; absent where the contract does not say. */
  readonly version?: string;
  /** `linux/amd64`: the one that the engine speaks of, where it has several. */
  readonly platform: string;
  /** As docker shows it: `890MB`. */
  readonly size: string;
  /** The registry it came from, with namespace; absent for what was baked here. */
  readonly registry?: string;
  /** Of the manifest or index, as the registry named it. */
  readonly digest?: string;
};

/** Of `docker image ls --format={{json .}}`, one line. */
const Row = z.object({
  ID: z.string(),
  Repository: z.string(),
  Tag: z.string(),
  Digest: z.nullish(z.string()),
  Size: z.string(),
});

/** Of `docker image inspect --format={{json .}}`, one line. */
const Inspected = z.object({
  Id: z.string(),
  Os: z.nullish(z.string()),
  Architecture: z.nullish(z.string()),
  Config: z.nullish(z.object({ Labels: z.nullish(z.record(z.string(), z.string())) })),
});

const Version = z.object({ version: z.string() });

/** What an image's name says: `registry.example.com/ai` `/ai-` `claude` `:` `go`. */
export function splitName(
  image: string,
): { readonly registry?: string; readonly agent: string; readonly tag: string } | undefined {
  const [, registry, agent, tag] = /^(?:(.+)\/)?ai-([^/:]+):([^/:]+)$/.exec(image) ?? [];
  if (agent === undefined || tag === undefined) return undefined;
  return { ...(registry === undefined ? {} : { registry }), agent, tag };
}

/** The identities in `docker image ls`. */
export function listedIds(ls: string): readonly string[] {
  return [...new Set(lines(ls).map((line) => Row.parse(line).ID))];
}

/**
 * Agents' images, by name; what has lost its name, or never had one of ours, cannot be started and is left out.
 * @param ls what `docker image ls --digests --no-trunc` printed, @param inspect `docker image inspect`: one JSON a line.
 */
export function parseImages(ls: string, inspect: string): readonly ListedImage[] {
  const details = new Map(
    lines(inspect).map((line) => [Inspected.parse(line).Id, Inspected.parse(line)]),
  );
  return lines(ls)
    .flatMap((line): ListedImage[] => {
      const row = Row.parse(line);
      const image = `${row.Repository}:${row.Tag}`;
      const name = splitName(image);
      if (name === undefined) return [];
      const { Os, Architecture, Config } = details.get(row.ID) ?? {};
      const version = versionOf(Config?.Labels?.['ai-run.contract']);
      return [
        {
          image,
          agent: name.agent,
          runtime: Config?.Labels?.['ai-run.runtime'] ?? name.tag,
          ...(version === undefined ? {} : { version }),
          platform: Os == null ? 'unknown' : `${Os}/${Architecture}`,
          size: row.Size,
          ...(name.registry === undefined ? {} : { registry: name.registry }),
          ...(row.Digest?.startsWith('sha256:') === true ? { digest: row.Digest } : {}),
        },
      ];
    })
    .toSorted((a, b) => (a.image < b.image ? -1 : a.image > b.image ? 1 : 0));
}

function lines(text: string): readonly unknown[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line): unknown => JSON.parse(line));
}

function versionOf(contract: string | undefined): string | undefined {
  try {
    return Version.parse(JSON.parse(contract ?? '')).version;
  } catch {
    return undefined;
  }
}
