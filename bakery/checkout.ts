import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '../ai-run/core/error.ts';
import type { BuildInputs } from './core/bake.ts';
import type { Catalogue } from './core/catalogue.ts';
import { type Renderer, renderer, type Templates } from './core/dockerfile.ts';
import { type Cell, select, type Selection } from './core/matrix.ts';
import { type Plan, plan } from './core/plan.ts';
import type { Settings } from './core/settings.ts';
import {
  loadCatalogue,
  loadSettings,
  loadTemplates,
  loadUpstreamLock,
  type UpstreamLock,
} from './load.ts';
import type { Subject } from './smoke.ts';

/** Everything that is read before anything is decided. */
export type Checkout = {
  /** Where the definitions are. */
  readonly root: string;
  /** Where this machine's own files are, `bakery.local.yaml` and `.bakery/`: the same, unless the root is the package. */
  readonly own: string;
  readonly settings: Settings;
  readonly catalogue: Catalogue;
  readonly upstreamLock: UpstreamLock;
  readonly templates: Templates;
};

const hasSettings = (folder: string): boolean => existsSync(join(folder, 'bakery.yaml'));

/** The nearest folder with `bakery.yaml`, from here upwards. */
const above = (folder: string): string | undefined => {
  if (hasSettings(folder)) return folder;
  const parent = dirname(folder);
  return parent === folder ? undefined : above(parent);
};

/**
 * The checkout that is named, or the one around the working directory. Elsewhere the catalogue is that of the package this
 * file is part of, which is nobody's to write to.
 * @throws UserError E_NO_CHECKOUT where there is none.
 */
const findRoot = (named: string | undefined): Pick<Checkout, 'root' | 'own'> => {
  const start = resolve(named ?? '.');
  const root = named === undefined ? above(start) : hasSettings(start) ? start : undefined;
  if (root !== undefined) return { root, own: root };
  const packaged = named === undefined ? above(import.meta.dirname) : undefined;
  if (packaged !== undefined) return { root: packaged, own: start };
  throw new UserError('E_NO_CHECKOUT', `${start}: there is no bakery.yaml here`, {
    hint: 'run bakery in a checkout, or name one with --root',
  });
};

export const openCheckout = async (
  named: string | undefined,
  locks: 'check' | 'accept' = 'check',
): Promise<Checkout> => {
  const { root, own } = findRoot(named);
  const settings = await loadSettings(root, own);
  const [catalogue, upstreamLock, templates] = await Promise.all([
    loadCatalogue(root, locks),
    loadUpstreamLock(root, settings, own),
    loadTemplates(),
  ]);
  return { root, own, settings, catalogue, upstreamLock, templates };
};

/** Renders with the machine's own mirrors, or with the upstream images' own names. */
export const rendererFor = (
  { templates, catalogue, settings, upstreamLock: lock }: Checkout,
  mirrors: Settings['mirrors'],
): Renderer => renderer(templates, catalogue.runtimes, settings, { lock, mirrors });

export const planCells = (checkout: Checkout, cells: readonly Cell[]): Plan =>
  plan(
    cells,
    checkout.catalogue,
    {
      canonical: rendererFor(checkout, {}),
      local: rendererFor(checkout, checkout.settings.mirrors),
    },
    checkout.upstreamLock,
    checkout.settings.source,
  );

/** Every layer of the matrix, on all platforms that are locked. */
export const allLayers = (checkout: Checkout): Plan['layers'] => {
  const all = { agents: [], runtimes: [], platforms: [] };
  return planCells(checkout, select(checkout.catalogue, all).cells).layers;
};

/**
 * The cells of a selection.
 * @throws UserError E_NOTHING_TO_BAKE when it holds no locked agent.
 */
export const selectLocked = (
  { catalogue }: Checkout,
  selection: Selection,
): ReturnType<typeof select> => {
  const { cells, leftOut } = select(catalogue, selection);
  if (cells.length > 0) return { cells, leftOut };
  throw new UserError(
    'E_NOTHING_TO_BAKE',
    leftOut
      .map(({ agent, platform, reason }) => `${agent}: not locked for ${platform}: ${reason}`)
      .join('\n'),
    { hint: 'run `bakery update` for these agents' },
  );
};

/** What tests need to know of each image. */
export const subjectsOf = ({ images }: Plan, cells: readonly Cell[]): Subject[] =>
  images.flatMap((image, at): Subject[] => {
    const cell = cells[at];
    return cell === undefined ? [] : [{ image, agent: cell.agent, runtime: cell.runtime }];
  });

/**
 * What build steps get and images never hold.
 * @throws UserError E_SETTING for a file that is not there.
 */
export const buildInputs = ({ own, settings }: Checkout): BuildInputs => {
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
};
