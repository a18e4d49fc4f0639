/** A checkout: its settings, catalogue, locks and templates, opened once, and the plans made from them. */

import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import type { BuildInputs } from '../builder/bake-file.rules.ts';
import type { Catalogue } from './catalogue.rules.ts';
import { type Renderer, renderer, type Templates } from '../templates/dockerfile.rules.ts';
import { type Cell, select, type Selection } from '../plan/matrix.rules.ts';
import { type Plan, plan } from '../plan/plan.rules.ts';
import type { Settings } from './settings.rules.ts';
import {
  loadCatalogue,
  loadSettings,
  loadTemplates,
  loadUpstreamLock,
  type UpstreamLock,
} from './load.ts';

/** Everything that is read before any decision. */
export type Checkout = {
  /** The folder of the definitions. */
  readonly root: string;
  /** The folder of this machine's own `bakery.local.yaml` and `.bakery/`: the same, unless the root is the package. */
  readonly own: string;
  readonly settings: Settings;
  readonly catalogue: Catalogue;
  readonly upstreamLock: UpstreamLock;
  readonly templates: Templates;
};

export async function openCheckout(
  named: string | undefined,
  locks: 'check' | 'accept' = 'check',
): Promise<Checkout> {
  const { root, own } = findRoot(named);
  const settings = await loadSettings(root, own);
  const [catalogue, upstreamLock, templates] = await Promise.all([
    loadCatalogue(root, locks),
    loadUpstreamLock(root, settings, own),
    loadTemplates(),
  ]);
  return { root, own, settings, catalogue, upstreamLock, templates };
}

/** Renders with the machine's own mirrors, or with the upstream images' own names. */
export function rendererFor(
  { templates, catalogue, settings, upstreamLock: lock }: Checkout,
  mirrors: Settings['mirrors'],
): Renderer {
  return renderer(templates, catalogue.runtimes, settings, { lock, mirrors });
}

export function planCells(checkout: Checkout, cells: readonly Cell[]): Plan {
  return plan(
    cells,
    checkout.catalogue,
    {
      canonical: rendererFor(checkout, {}),
      local: rendererFor(checkout, checkout.settings.mirrors),
    },
    checkout.upstreamLock,
    checkout.settings.source,
  );
}

/** Every layer of the matrix, on all platforms that are locked. */
export function allLayers(checkout: Checkout): Plan['layers'] {
  const all = { agents: [], runtimes: [], platforms: [] };
  return planCells(checkout, select(checkout.catalogue, all).cells).layers;
}

/**
 * Returns the cells of a selection.
 * @throws UserError E_NOTHING_TO_BAKE if none of its agents is locked.
 */
export function selectLocked(
  { catalogue }: Checkout,
  selection: Selection,
): ReturnType<typeof select> {
  const { cells, leftOut } = select(catalogue, selection);
  if (cells.length > 0) return { cells, leftOut };
  throw new UserError(
    'E_NOTHING_TO_BAKE',
    leftOut
      .map(({ agent, platform, reason }) => `${agent}: not locked for ${platform}: ${reason}`)
      .join('\n'),
    { hint: 'run `bakery update` for these agents' },
  );
}

/**
 * Returns the secret files and proxy variables that build steps get and images never contain.
 * @throws UserError E_SETTING if a file does not exist.
 */
export function buildInputs({ own, settings }: Checkout): BuildInputs {
  const secrets: Record<string, string> = {};
  for (const id of ['ca', 'npmrc', 'uv'] as const) {
    const path = settings[id];
    if (path === undefined) continue;
    secrets[id] = resolve(own, path);
    if (statSync(secrets[id], { throwIfNoEntry: false })?.isFile() !== true) {
      throw new UserError('E_SETTING', `settings: ${id}: there is no file ${secrets[id]}`, {
        hint: `correct "${id}" in bakery.local.yaml or bakery.yaml, or take it out`,
      });
    }
  }
  const { http, https, no } = settings.proxy ?? {};
  const args = {
    ...(http === undefined ? {} : { HTTP_PROXY: http }),
    ...(https === undefined ? {} : { HTTPS_PROXY: https }),
    ...(no === undefined ? {} : { NO_PROXY: no }),
  };
  return { secrets, args };
}

/**
 * Finds the named checkout, or the one around the working directory. Outside a checkout, the catalogue is that of the
 * package that contains this file; nothing is written there.
 * @throws UserError E_NO_CHECKOUT if neither exists.
 */
function findRoot(named: string | undefined): Pick<Checkout, 'root' | 'own'> {
  const start = resolve(named ?? '.');
  const root = named === undefined ? above(start) : hasSettings(start) ? start : undefined;
  if (root !== undefined) return { root, own: root };
  const packaged = named === undefined ? above(import.meta.dirname) : undefined;
  if (packaged !== undefined) return { root: packaged, own: start };
  throw new UserError('E_NO_CHECKOUT', `${start}: there is no bakery.yaml here`, {
    hint: 'run bakery in a checkout, or name one with --root',
  });
}

/** The nearest folder with `bakery.yaml`, from here upwards. */
function above(folder: string): string | undefined {
  if (hasSettings(folder)) return folder;
  const parent = dirname(folder);
  return parent === folder ? undefined : above(parent);
}

function hasSettings(folder: string): boolean {
  return existsSync(join(folder, 'bakery.yaml'));
}
