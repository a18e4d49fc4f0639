/** Finds instructions in Dockerfiles by which BuildKit silently does damage. */

import { DockerfileParser, From, type Instruction, JSONInstruction } from 'dockerfile-ast';

/** One instruction that would do damage, by line (from 1) and rule. */
export type LintIssue = { readonly line: number; readonly rule: string; readonly message: string };

type Stage = { readonly from: From; readonly instructions: readonly Instruction[] };

type Rule = {
  readonly name: string;
  /** The damage, and the correction. */
  readonly message: string;
  readonly broken: (instruction: Instruction, stage: Stage, stages: readonly Stage[]) => boolean;
};

/** Each rule has an end-to-end test that shows the damage. */
const rules: readonly Rule[] = [
  {
    name: 'emulated-run',
    message:
      'RUN in a stage of the target platform is emulated: start the stage FROM --platform=$BUILDPLATFORM',
    broken: (instruction, stage) => keyword(instruction) === 'RUN' && !isNative(stage),
  },
  {
    name: 'final-stage',
    message:
      'the last stage links layers and configures: RUN, ADD and WORKDIR there make a layer per image, and pull its base',
    broken: (instruction, stage, stages) =>
      isFinal(stage, stages) && ['RUN', 'ADD', 'WORKDIR'].includes(keyword(instruction)),
  },
  {
    name: 'copy-without-link',
    message:
      'COPY without --link in the last stage is done again for every image, and its layer is often not shared',
    broken: (instruction, stage, stages) =>
      isFinal(stage, stages) && keyword(instruction) === 'COPY' && !hasFlag(instruction, 'link'),
  },
  {
    name: 'link-with-chmod',
    message:
      'COPY --link with --chmod is silently done again for every base: set the mode in the stage',
    broken: (instruction) => hasFlag(instruction, 'link') && hasFlag(instruction, 'chmod'),
  },
  {
    name: 'link-destination',
    message:
      'COPY --link to a folder resets the mode and owner of its parents: make the tree below /out and link "/out/ /"',
    broken: (instruction) =>
      keyword(instruction) === 'COPY' &&
      hasFlag(instruction, 'link') &&
      instruction
        .getArguments()
        .map((argument) => argument.getValue())
        .join(' ') !== '/out/ /',
  },
  {
    name: 'symlinked-folder',
    message:
      'this folder is a symlink in the base, and a linked layer would replace it: use /out/usr/…',
    broken: (instruction) =>
      keyword(instruction) === 'RUN' &&
      /\/out\/(bin|sbin|lib|lib32|lib64|var\/run|var\/lock|usr\/local\/man)(?![\w.-])/.test(
        text(instruction),
      ),
  },
  {
    name: 'link-with-chown',
    message:
      'COPY --link with --chown gives the folders on the way to that owner too, /home for example, and knows no names: set the owner in the stage',
    broken: (instruction) => hasFlag(instruction, 'link') && hasFlag(instruction, 'chown'),
  },
  {
    name: 'unpinned-from',
    message: 'the image has no digest, so the same file builds something else tomorrow',
    broken: (instruction, _, stages) => {
      const from = instruction instanceof From ? undefined : sourceImage(instruction);
      if (from !== undefined) return !from.includes('@') && !isStageName(from, stages);
      if (!(instruction instanceof From)) return false;
      const image = instruction.getImage() ?? '';
      return instruction.getImageDigestRange() === null && !isStageName(image, stages);
    },
  },
  {
    name: 'npm-scripts',
    message:
      'npm must get --ignore-scripts (a script would run for the build platform) and --os, --cpu and --libc of the target',
    broken: (instruction) =>
      lacks(
        commands(instruction, /\bnpm (ci|i|install)\b/),
        '--ignore-scripts',
        '--os=',
        '--cpu=',
        '--libc=',
      ),
  },
  {
    name: 'pip-unhashed',
    message:
      'pip must get --require-hashes and --only-binary: a source package would be built for the build platform',
    broken: (instruction) =>
      lacks(commands(instruction, /\bpip3? install\b/), '--require-hashes', '--only-binary'),
  },
  {
    name: 'unverified-download',
    message: 'ADD from the network needs --checksum',
    broken: (instruction) =>
      keyword(instruction) === 'ADD' &&
      /\bhttps?:\/\//.test(text(instruction)) &&
      !hasFlag(instruction, 'checksum'),
  },
  {
    name: 'duplicate-stage',
    message: 'another stage has this name already, and the last one counts',
    broken: (instruction, stage, stages) =>
      keyword(instruction) === 'FROM' &&
      stages.some(
        (other) =>
          other !== stage &&
          other.from.getBuildStage() !== null &&
          other.from.getBuildStage() === stage.from.getBuildStage(),
      ),
  },
];

export const ruleNames: readonly string[] = rules.map(({ name }) => name);

/** Checks a Dockerfile's text against all rules. */
export function lintDockerfile(dockerfile: string): LintIssue[] {
  const stages = stagesOf(dockerfile);
  return stages.flatMap((stage) =>
    stage.instructions.flatMap((instruction) =>
      rules
        .filter(({ broken }) => broken(instruction, stage, stages))
        .map(({ name, message }) => ({
          line: instruction.getRange().start.line + 1,
          rule: name,
          message: message,
        })),
    ),
  );
}

function stagesOf(dockerfile: string): Stage[] {
  const stages: { from: From; instructions: Instruction[] }[] = [];
  for (const instruction of DockerfileParser.parse(dockerfile).getInstructions()) {
    if (instruction instanceof From) stages.push({ from: instruction, instructions: [] });
    stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}

function keyword(instruction: Instruction): string {
  return instruction.getInstruction().toUpperCase();
}

function isNative({ from }: Stage): boolean {
  return flag(from, 'platform') === '$BUILDPLATFORM';
}

function isFinal(stage: Stage, stages: readonly Stage[]): boolean {
  return stage === stages.at(-1);
}

function hasFlag(instruction: Instruction, name: string): boolean {
  return flag(instruction, name) !== undefined;
}

function text(instruction: Instruction): string {
  return instruction.getTextContent().replaceAll('\\\n', ' ');
}

/** The image that COPY or a mount of RUN takes files from. */
function sourceImage(instruction: Instruction): string | undefined {
  if (keyword(instruction) === 'COPY') return flag(instruction, 'from') ?? undefined;
  if (keyword(instruction) !== 'RUN') return undefined;
  const mounts = text(instruction).matchAll(/--mount=\S*\bfrom=([^,\s]+)/g);
  return [...mounts]
    .map((match) => match[1])
    .find((name) => name?.includes(':') || name?.includes('/'));
}

/** `FROM x` where x is a stage of this file, or one chosen by an argument. */
function isStageName(image: string, stages: readonly Stage[]): boolean {
  return (
    image === 'scratch' ||
    image.includes('$') ||
    stages.some(({ from }) => from.getBuildStage() === image)
  );
}

function lacks(lines: readonly string[], ...words: readonly string[]): boolean {
  return lines.some((line) => words.some((word) => !line.includes(word)));
}

function commands(instruction: Instruction, pattern: RegExp): readonly string[] {
  return keyword(instruction) === 'RUN'
    ? text(instruction)
        .split('\n')
        .filter((line) => pattern.test(line) && !line.trimStart().startsWith('#'))
    : [];
}

function flag(instruction: Instruction, name: string): string | null | undefined {
  return instruction instanceof From || instruction instanceof JSONInstruction
    ? instruction
        .getFlags()
        .find((one) => one.getName() === name)
        ?.getValue()
    : undefined;
}
