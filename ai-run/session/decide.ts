/** The one value that a session is: docker's command, decided from the options, the image and the parts. */

import { isatty } from 'node:tty';
import type { Command } from '@ai-bakery/kernel/command.ts';
import { launch } from '@ai-bakery/kernel/launch.ts';
import { harden, type Policy } from '@ai-bakery/kernel/policy.ts';
import type { Image } from '../image/image.ts';
import type { Part } from '../part.rules.ts';
import type { RunOptions } from '../settings/options.rules.ts';
import type { Settings } from '../settings/settings.rules.ts';
import { type Session, sessionLabels } from './labels.rules.ts';

type Deciding = {
  readonly options: RunOptions;
  readonly settings: Settings;
  readonly session: Session;
  readonly image: Image;
  readonly parts: readonly Part[];
  /** The policy without any flag. */
  readonly usual: Policy;
};

/** @throws UserError E_MOUNT_PATH, E_NETWORK, and the errors of parts whose mounts are made last. */
export function decide({ options, settings, session, image, parts, usual }: Deciding): Command {
  const { TERM } = process.env;
  const policy = harden({
    user: usual.user,
    network: options.network,
    mounts: parts.flatMap(({ mounts = [] }) => mounts),
    limits: { ...usual.limits, ...options.limits },
    writableRoot: options.writableRoot,
    ociRuntime: options.ociRuntime,
  });
  const [program = 'bash', ...rest] = options.shell ? ['bash'] : image.contract.command;
  return launch({
    image: image.reference,
    platform: settings.platform,
    policy,
    command: [program, ...rest, ...options.args],
    name: session.name,
    labels: sessionLabels(session),
    workdir: session.project,
    env: { ...(TERM === undefined ? {} : { TERM }), ...merged(parts, 'env') },
    secrets: merged(parts, 'secrets'),
    terminal: isatty(0) && isatty(1) ? 'tty' : 'stdin',
  });
}

function merged(parts: readonly Part[], what: 'env' | 'secrets'): Record<string, string> {
  return Object.assign({}, ...parts.map((part) => part[what] ?? {}));
}
