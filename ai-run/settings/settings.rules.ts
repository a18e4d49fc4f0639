/** The settings for images: source, registry, pull, platform and signer. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import { type Platform, platformOfMachine, platforms } from '@ai-bakery/kernel/platform.ts';
import { parseReference } from '@ai-bakery/kernel/reference.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';
import { valueOf, type Variables } from '@ai-bakery/kernel/variable.ts';
import { parseVerify, type Verify } from '@ai-bakery/kernel/trust.ts';

/** When to pull an image: at each start, if the engine lacks it, or never. */
export type Pull = 'always' | 'missing' | 'never';

type Origin =
  | { readonly source: 'local'; readonly pull: 'never' }
  | {
      readonly source: 'registry';
      /** Registry and namespace, e.g. `registry.example.com/ai`. */
      readonly registry: string;
      readonly pull: Pull;
    };

/** The source of images, and the platform that they run on. */
export type Settings = Origin & {
  readonly platform: Platform;
  /** The required signer of a registry's images; absent if no signature is required. */
  readonly verify?: Verify;
};

export type Given = {
  /** The command line's flags, by name without hyphens. */
  readonly flags: {
    readonly 'image-source'?: string | undefined;
    readonly 'image-registry'?: string | undefined;
    readonly platform?: string | undefined;
    readonly pull?: string | undefined;
  };
  readonly env: Variables;
  /** The variables of `~/.ai-env`. */
  readonly file: Variables;
  /** The architecture of this machine: `process.arch`. */
  readonly machine: string;
};

/** A value, its source for messages, and the error code for a wrong value. */
type Found = {
  readonly value: string;
  readonly from: string;
  readonly code: 'E_SETTING' | 'E_USAGE';
};

/**
 * Returns the effective settings: a flag overrides the environment, which overrides `~/.ai-env`.
 * @throws UserError E_USAGE for a wrong flag; E_SETTING for a wrong variable, with its source, and for a missing one.
 */
export function settle({ flags, env, file, machine }: Given): Settings {
  const variable = (name: string): Found | undefined => {
    for (const [place, variables] of [
      ['the environment', env],
      ['~/.ai-env', file],
    ] as const) {
      const value = valueOf(variables, name);
      if (value !== undefined) return { value, from: `${name} in ${place}`, code: 'E_SETTING' };
    }
    return undefined;
  };
  const find = (flag: keyof Given['flags'], name?: string): Found | undefined => {
    const flagged = flags[flag];
    if (flagged !== undefined) return { value: flagged, from: `--${flag}`, code: 'E_USAGE' };
    return name === undefined ? undefined : variable(name);
  };

  const found = find('platform', 'AI_RUN_PLATFORM');
  const platform = found === undefined ? platformOfMachine(machine) : oneOf(found, platforms);
  if (platform === undefined) {
    throw new UserError('E_SETTING', `no images exist for the architecture ${machine}`, {
      hint: `set AI_RUN_PLATFORM to ${platforms.join(' or ')} if the engine can run it`,
    });
  }
  const named = find('image-registry', 'AI_IMAGE_REGISTRY');
  const registry = named === undefined ? undefined : registryOf(named);
  const asked = find('pull');
  const pull = asked === undefined ? undefined : oneOf(asked, ['always', 'missing', 'never']);
  const signer = variable('AI_IMAGE_VERIFY');
  const verify = signer === undefined ? undefined : verifyOf(signer);
  const common = { platform, ...(verify === undefined ? {} : { verify }) };
  const origin = find('image-source', 'AI_IMAGE_SOURCE');
  if (origin === undefined || oneOf(origin, ['local', 'registry']) === 'local') {
    if (pull === 'always') {
      throw new UserError('E_USAGE', '--pull always: local images do not come from a registry', {
        hint: 'add --image-source registry',
      });
    }
    return { source: 'local', pull: 'never', ...common };
  }
  if (registry === undefined) {
    throw new UserError(
      'E_SETTING',
      `${origin.from} is registry, but AI_IMAGE_REGISTRY is not set`,
      {
        hint: 'set AI_IMAGE_REGISTRY in the environment or in ~/.ai-env, like AI_IMAGE_REGISTRY=registry.example.com/ai',
      },
    );
  }
  return { source: 'registry', registry, pull: pull ?? 'missing', ...common };
}

function oneOf<T extends string>(found: Found, allowed: readonly T[]): T {
  const one = allowed.find((each) => each === found.value);
  if (one === undefined) throw wrong(found, allowed.join(' or '));
  return one;
}

/** Checks that a registry is named with its host: `acme` alone would be a namespace of Docker Hub, or a typing mistake. */
function registryOf(found: Found): string {
  try {
    if (parseReference(`${found.value}/x`).registry !== undefined) return found.value;
  } catch {
    // The parser's message would be about the probe, not about the setting.
  }
  throw wrong(found, 'a registry and a namespace, like registry.example.com/ai');
}

function verifyOf(found: Found): Verify {
  const verify = parseVerify(found.value);
  if (verify !== undefined) return verify;
  throw wrong(
    found,
    'the absolute path of a public key, or identity=…,issuer=… (each also with -regexp)',
  );
}

function wrong({ value, from, code }: Found, expected: string): UserError {
  return new UserError(
    code,
    `${from}: expected ${expected}, got ${JSON.stringify(redacted(value))}`,
    {
      hint: code === 'E_USAGE' ? 'ai-run --help' : `correct ${from}`,
    },
  );
}
