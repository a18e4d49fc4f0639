/** The search for a session's image, which runs while the project is read. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import { formatReference, parseReference } from '@ai-bakery/kernel/reference.ts';
import type { Ask } from '../host/ask.ts';
import { findImage, type Image } from '../image/image.ts';
import type { RunOptions } from '../settings/options.rules.ts';
import type { Request } from './request.ts';

export type Search = {
  readonly found: Promise<Image>;
  /** Permits building and pulling; before, the search only looks. */
  readonly agree: () => void;
};

export function searchImage(
  { agent, runtime, build: toBuild }: RunOptions,
  { settings, userHome, env }: Request,
): Search {
  const { platform } = settings;
  const { promise: agreed, resolve: agree } = Promise.withResolvers<void>();
  const find = async (): Promise<Image> => {
    if (toBuild) {
      await agreed;
      const { build } = await import('../image/build.ts');
      await build({ agent, runtime, platform });
    }
    const name = `ai-${agent}:${runtime}`;
    const reference = formatReference(
      parseReference(settings.source === 'registry' ? `${settings.registry}/${name}` : name),
    );
    return findImage({ ...settings, reference, env, userHome, agreed });
  };
  const found = find();
  // Callers await `found`; this only prevents an unhandled rejection.
  found.catch(() => undefined);
  return { found, agree };
}

/** Asks while the image is pulled; a signal that ends the pull ends the question as well. */
export function askWhileSearching(ask: Ask, { found }: Search): Ask {
  const interrupted = (): Promise<never> =>
    new Promise((_, reject) => {
      found.catch((error: unknown) => {
        if (error instanceof UserError && error.code === 'E_SIGNAL') reject(error);
      });
    });
  return (question, answers) => Promise.race([ask(question, answers), interrupted()]);
}
