import { access, constants, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

const onPath = async (program: string): Promise<string> => {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, program);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new Error(`there is no ${program} on PATH`);
};

const install = async (folder: string, buildx: string): Promise<string> => {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'docker'),
    `#!/bin/sh\nif [ "$1" = buildx ]; then\n${buildx}\nfi\nexec ${await onPath('docker')} "$@"\n`,
    { mode: 0o755 },
  );
  return `${folder}${delimiter}${process.env['PATH']}`;
};

/**
 * Stands for a docker without the buildx plugin, which cannot be had where the plugin is installed for the whole
 * machine: it says what docker 28 says of a plugin that is not there, and is the real docker for everything else.
 * Returns the PATH that has it.
 */
export const dockerWithoutBuildx = (folder: string): Promise<string> =>
  install(
    folder,
    `printf 'docker: unknown command: docker buildx\\n\\nRun '\\''docker --help'\\'' for more information\\n' >&2\nexit 1`,
  );

/** Stands for a docker with buildx 0.13.1, and is the real docker for everything else. Returns the PATH that has it. */
export const dockerWithOldBuildx = (folder: string): Promise<string> =>
  install(
    folder,
    `[ "$2" = version ] && echo 'github.com/docker/buildx v0.13.1 788433953af10f2a698f5c07611dddce2e08c7a0' && exit`,
  );

/** Stands for a docker that writes down what it is asked, and is the real docker. */
export const recordingDocker = async (
  folder: string,
): Promise<{ readonly path: string; readonly asked: () => Promise<readonly string[]> }> => {
  await mkdir(folder, { recursive: true });
  const notes = join(folder, 'asked');
  await writeFile(notes, '');
  await writeFile(
    join(folder, 'docker'),
    `#!/bin/sh\necho "$@" >> '${notes}'\nexec ${await onPath('docker')} "$@"\n`,
    { mode: 0o755 },
  );
  return {
    path: `${folder}${delimiter}${process.env['PATH']}`,
    asked: async () => (await readFile(notes, 'utf8')).split('\n'),
  };
};
