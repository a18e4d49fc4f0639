import { z } from 'zod';
import { Contract, contractLabel } from './core/contract.ts';
import { UserError } from './core/error.ts';
import type { Platform } from './core/platform.ts';
import { printable } from './core/text.ts';
import { attach, capture } from './exec.ts';

const Labels = z.record(z.string(), z.string()).nullable();

const inspect = (image: string) =>
  capture({
    file: 'docker',
    args: ['image', 'inspect', '--format', '{{json .Config.Labels}}', image],
  });

/** What docker said went wrong, on one line. */
const reason = (stderr: string): string => printable(stderr).trim().split('\n').at(-1) ?? '';

/**
 * The contract that an image carries.
 * @throws UserError E_NO_CONTRACT where there is none, E_CONTRACT where it asks for what no contract may ask for.
 */
const readContract = (image: string, labels: z.infer<typeof Labels>): Contract => {
  const text = labels?.[contractLabel];
  if (text === undefined) {
    throw new UserError(
      'E_NO_CONTRACT',
      `${image} has no label ${contractLabel}: it is no agent's image`,
    );
  }
  const result = (() => {
    try {
      return Contract.safeParse(JSON.parse(text));
    } catch {
      return undefined;
    }
  })();
  if (result?.success === true) return result.data;
  const issue = result?.error.issues[0];
  throw new UserError(
    'E_CONTRACT',
    `${image}: its contract is refused: ${issue === undefined ? 'not JSON' : `${issue.path.join('.')}: ${issue.message}`}`,
  );
};

/**
 * Makes sure the engine has an image, and reads its contract.
 * @throws UserError E_NO_IMAGE with what to do, where it cannot be had.
 */
export const findImage = async (
  image: string,
  source: 'local' | 'registry',
  platform: Platform,
): Promise<Contract> => {
  let found = await inspect(image);
  if (found.code !== 0 && source === 'registry') {
    const code = await attach({ file: 'docker', args: ['pull', `--platform=${platform}`, image] });
    if (code !== 0) {
      throw new UserError('E_NO_IMAGE', `${image} cannot be pulled`, {
        hint: 'check AI_IMAGE_REGISTRY, `docker login`, or use AI_IMAGE_SOURCE=local',
      });
    }
    found = await inspect(image);
  }
  if (found.code !== 0) {
    throw new UserError('E_NO_IMAGE', `there is no image ${image} here: ${reason(found.stderr)}`, {
      hint: 'bake it with `bakery build`, or pull it with AI_IMAGE_SOURCE=registry',
    });
  }
  return readContract(image, Labels.parse(JSON.parse(found.stdout)));
};
