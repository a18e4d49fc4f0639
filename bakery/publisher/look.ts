import pLimit from 'p-limit';
import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Runtime } from '../catalogue/catalogue.rules.ts';
import { repositoryOf } from '../builder/bake-file.rules.ts';
import { testKeyOf } from '../tester/judge.rules.ts';
import type { Manifest } from '../registry/manifest.rules.ts';
import {
  changesOf,
  type Held,
  isCurrent,
  type Need,
  needOf,
  publicTags,
  stagingTag,
  testedTag,
} from './need.rules.ts';
import type { Signing } from './signature.rules.ts';
import type { Registry } from '../registry/registry.ts';
import type { Subject } from '../tester/smoke.ts';
import { signedOf } from './read-signatures.ts';

/** At a time: enough to hide latency, few enough for a registry that counts. */
const requests = 32;

/** One image with what its registry has of it. */
export type Order = {
  readonly subject: Subject;
  /** `registry.example.com/ai/ai-claude` */
  readonly repository: string;
  readonly testKey: string;
  readonly held: Held;
  readonly need: Need;
  /** Why it is not up to date. */
  readonly changes: readonly string[];
};

/** Orders by image, and what could not be looked at. */
export type Seen = {
  readonly orders: readonly Order[];
  readonly unseen: readonly { readonly subject: Subject; readonly error: UserError }[];
};

export async function readPublic(
  registry: Registry,
  repository: string,
  tags: readonly string[],
): Promise<Held['tags']> {
  return new Map(
    await Promise.all(
      tags.map(async (tag): Promise<[string, Manifest | undefined]> => [
        tag,
        await registry.readManifest(`${repository}:${tag}`),
      ]),
    ),
  );
}

/**
 * Asks the registry what it has of these images: all tags of all of them at once. Nothing on this machine is asked.
 * @throws the first UserError where not one image could be looked at.
 */
export async function look(
  registry: Registry,
  where: string,
  subjects: readonly Subject[],
  runtimes: readonly Runtime[],
  force = false,
  signing?: Signing,
): Promise<Seen> {
  const limit = pLimit(requests);
  const limited: Registry = {
    ...registry,
    readManifest: (reference) => limit(() => registry.readManifest(reference)),
  };
  const lookAt = async (subject: Subject): Promise<Order> => {
    const { image, agent, runtime } = subject;
    const repository = repositoryOf(where, image);
    const testKey = testKeyOf(image.key, agent, runtime, runtimes);
    const tags = await readPublic(limited, repository, publicTags(image));
    const isPublic = [...tags.values()].some((found) => isCurrent(image, found));
    // What is public has been staged; only where it is not, something may be waiting.
    const staged = isPublic
      ? undefined
      : await limited.readManifest(`${repository}:${stagingTag(image)}`);
    const current = [...tags.values(), staged].filter((found) => isCurrent(image, found));
    const indexes = [...new Set(current.map(({ digest }) => digest))];
    const signed =
      signing === undefined ? undefined : signedOf(limited, repository, indexes, signing);
    const tested = await Promise.all(
      indexes.map(async (digest) => {
        const passed = await Promise.all(
          image.platforms.map(async (platform) => {
            const tag = testedTag(testKey, digest, platform);
            const found = await limited.readManifest(`${repository}:${tag}`);
            return found?.digest === digest ? [platform] : [];
          }),
        );
        return [digest, passed.flat()] as const;
      }),
    );
    const held: Held = {
      tags,
      staged,
      tested: new Map(tested),
      ...(signed === undefined ? {} : { signed: await signed }),
    };
    const again: Need = { step: 'build', ...(signing === undefined ? {} : { unsigned: true }) };
    const need: Need = force ? again : needOf(image, held);
    const changes = force ? ['asked for again'] : changesOf(image, need, tags.get(image.runtime));
    return { subject, repository, testKey, held, need, changes };
  };
  const outcomes = await Promise.allSettled(subjects.map(lookAt));
  const orders: Order[] = [];
  const unseen: { subject: Subject; error: UserError }[] = [];
  for (const [at, subject] of subjects.entries()) {
    const outcome = outcomes[at];
    if (outcome?.status === 'fulfilled') orders.push(outcome.value);
    else if (outcome?.reason instanceof UserError) unseen.push({ subject, error: outcome.reason });
    else throw outcome?.reason;
  }
  const [first] = unseen;
  if (orders.length === 0 && first !== undefined) throw first.error;
  return { orders, unseen };
}
