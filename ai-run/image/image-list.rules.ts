/** The agents' images of an engine, parsed from docker's output. */

import * as z from 'zod/mini';
import { parseAnswer, parseJson } from '@ai-bakery/kernel/json.ts';
import { versionHint } from '../engine/engine-error.rules.ts';

/** An agent's image in the engine, under one of its names. */
export type ListedImage = {
  /** `ai-claude:go`, `registry.example.com/ai/ai-claude:go` */
  readonly image: string;
  readonly agent: string;
  readonly runtime: string;
  /** The agent's version; absent if the contract lacks it. */
  readonly version?: string;
  /** The platform that the engine reports, if it has several, e.g. `linux/amd64`. */
  readonly platform: string;
  /** The size as docker formats it: `890MB`. */
  readonly size: string;
  /** The registry it came from, with namespace; absent for an image that was built here. */
  readonly registry?: string;
  /** The registry's digest of the manifest or index. */
  readonly digest?: string;
};

/** One line of `docker image ls --format={{json .}}`. */
const Row = z.object({
  ID: z.string(),
  Repository: z.string(),
  Tag: z.string(),
  Digest: z.nullish(z.string()),
  Size: z.string(),
});

/** One line of `docker image inspect --format={{json .}}`. */
const Inspected = z.object({
  Id: z.string(),
  Os: z.nullish(z.string()),
  Architecture: z.nullish(z.string()),
  Config: z.nullish(z.object({ Labels: z.nullish(z.record(z.string(), z.string())) })),
});

const Version = z.object({ version: z.string() });

/** Splits an image's name: `registry.example.com/ai` `/ai-` `claude` `:` `go`. */
export function splitName(
  image: string,
): { readonly registry?: string; readonly agent: string; readonly tag: string } | undefined {
  const [, registry, agent, tag] = /^(?:(.+)\/)?ai-([^/:]+):([^/:]+)$/.exec(image) ?? [];
  if (agent === undefined || tag === undefined) return undefined;
  return { ...(registry === undefined ? {} : { registry }), agent, tag };
}

/** Returns the ids in the output of `docker image ls`. @throws UserError E_ANSWER */
export function listedIds(ls: string): readonly string[] {
  return [...new Set(rowsOf(ls).map(({ ID }) => ID))];
}

/**
 * Returns the agents' images, sorted by name. Images without a name of ours are left out, because they cannot be started.
 * @param ls the output of `docker image ls --digests --no-trunc`, one JSON object per line.
 * @param inspect the output of `docker image inspect`, one JSON object per line.
 * @throws UserError E_ANSWER
 */
export function parseImages(ls: string, inspect: string): readonly ListedImage[] {
  const details = new Map(
    lines(inspect)
      .map((line) => parseAnswer(line, Inspected, 'docker image inspect', versionHint))
      .map((image) => [image.Id, image]),
  );
  return rowsOf(ls)
    .flatMap((row): ListedImage[] => {
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

function rowsOf(ls: string): readonly z.infer<typeof Row>[] {
  return lines(ls).map((line) => parseAnswer(line, Row, 'docker image ls', versionHint));
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

function versionOf(contract: string | undefined): string | undefined {
  return parseJson(contract ?? '', Version)?.version;
}
