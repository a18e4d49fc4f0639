/** ai-run list: the agents' images, and newer ones in their registries. */

import type { ListedImage } from './image-list.rules.ts';
import { type Settings, settle } from '../settings/settings.rules.ts';
import { formatTable } from '@ai-bakery/kernel/table.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { listImages } from './listed.ts';
import { type Answer, askRegistry } from './registry.ts';
import { findUserHome } from '../project/workspace.ts';
import { readEnvFile } from '../settings/read-env-file.ts';
import { readAliases } from '../setup/shell-files.ts';

type Newer = 'yes' | 'no' | 'unknown';

type Row = ListedImage & {
  /** Whether the registry now has another image under this name; absent for an image that was built here. */
  readonly newer?: Newer;
  /** Whether its signature by the trusted signer was verified; absent if no signature is required. */
  readonly verified?: boolean;
};

/** Concurrent requests to registries. */
const atOnce = 6;

/**
 * Shows the agents' images, as a table or as JSON.
 * @throws UserError E_NO_ENGINE, and E_SETTING for settings that contradict each other.
 */
export async function list(json: boolean): Promise<number> {
  const settings = settle({
    flags: {},
    env: process.env,
    file: readEnvFile(),
    machine: process.arch,
  });
  const images = await withVerified(await withNewer(await listImages()), settings);
  const wanted = new Set(images.map(({ agent }) => agent));
  const missing = readAliases().filter((agent) => !wanted.has(agent));
  if (json) {
    process.stdout.write(`${JSON.stringify({ settings, images, missing }, undefined, 2)}\n`);
    return 0;
  }
  const lines = [
    summary(settings),
    ...(images.length === 0
      ? ['the engine has no images of agents']
      : ['', table(images, settings), '']),
    ...missing.map((agent) => `${agent} has an alias, but no image here`),
    ...(images.some(({ newer: is }) => is === 'yes')
      ? ['`ai-run --pull always <agent>` pulls a newer image']
      : []),
  ];
  process.stdout.write(`${printable(lines.join('\n')).trimEnd()}\n`);
  return 0;
}

/** Adds the recorded verifications; the next start of any other image asks cosign. */
async function withVerified(rows: readonly Row[], { verify }: Settings): Promise<readonly Row[]> {
  if (verify === undefined) return rows;
  const { openTrust, wasVerified } = await import('./signature.ts');
  const home = findUserHome();
  const trust = openTrust(verify, home);
  return rows.map((row) =>
    row.registry === undefined || row.digest === undefined
      ? row
      : { ...row, verified: wasVerified(home, row.digest, trust) },
  );
}

async function withNewer(images: readonly ListedImage[]): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (let at = 0; at < images.length; at += atOnce) {
    // oxlint-disable-next-line no-await-in-loop -- one batch at a time limits the concurrency
    const batch = await Promise.all(
      images.slice(at, at + atOnce).map(async (image): Promise<Row> => {
        if (image.registry === undefined) return image;
        return { ...image, newer: newer(image, await askRegistry(image.image)) };
      }),
    );
    rows.push(...batch);
  }
  return rows;
}

function summary(settings: Settings): string {
  return settings.source === 'registry'
    ? `ai-run starts images of ${settings.registry} for ${settings.platform}, and pulls missing ones`
    : `ai-run starts local images for ${settings.platform}; \`bakery build <agent>\` makes them`;
}

function table(rows: readonly Row[], { verify }: Settings): string {
  const columns = ['AGENT', 'VERSION', 'RUNTIME', 'PLATFORM', 'SIZE', 'NEWER'];
  return formatTable([
    [...columns, ...(verify === undefined ? [] : ['VERIFIED']), 'IMAGE'],
    ...rows.map(({ agent, version, runtime, platform, size, newer: is, verified, image }) => [
      agent,
      version ?? 'unknown',
      runtime,
      platform,
      size,
      is ?? '-',
      ...(verify === undefined
        ? []
        : [verified === undefined ? '-' : verified ? 'yes' : 'not yet']),
      image,
    ]),
  ]);
}

function newer(image: ListedImage, answer: Answer): Newer {
  if (answer.state !== 'found' || image.digest === undefined) return 'unknown';
  return answer.digest === image.digest ? 'no' : 'yes';
}
