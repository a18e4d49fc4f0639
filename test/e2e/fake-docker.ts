import { access, constants, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
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
 * Imitates a docker without the buildx plugin, on machines where the plugin is installed for all users: it prints docker 28's
 * message for a missing plugin, and calls the real docker for everything else. Returns the PATH that has it.
 */
export const dockerWithoutBuildx = (folder: string): Promise<string> =>
  install(
    folder,
    `printf 'docker: unknown command: docker buildx\\n\\nRun '\\''docker --help'\\'' for more information\\n' >&2\nexit 1`,
  );

/** Imitates a docker with buildx 0.13.1, and calls the real docker for everything else. Returns the PATH that has it. */
export const dockerWithOldBuildx = (folder: string): Promise<string> =>
  install(
    folder,
    `[ "$2" = version ] && echo 'github.com/docker/buildx v0.13.1 788433953af10f2a698f5c07611dddce2e08c7a0' && exit`,
  );

/** A docker that records its arguments, and calls the real docker. */
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

/** One step of a build, as BuildKit reported it to the client. */
export type Step = { readonly digest: string; readonly name: string; readonly cached: boolean };

/**
 * The real docker, which keeps a copy of everything that BuildKit reports about builds. BuildKit's own history is not used,
 * because it holds 50 builds of all processes of the machine.
 */
export const reportingDocker = async (
  folder: string,
): Promise<{
  readonly path: string;
  /** Completed steps of all builds since `forget` was called last; a step appears once for each build. */
  readonly steps: () => Promise<readonly Step[]>;
  readonly forget: () => Promise<void>;
}> => {
  const reports = join(folder, 'reports');
  await mkdir(reports, { recursive: true });
  await writeFile(
    join(folder, 'docker'),
    `#!/bin/bash
real='${await onPath('docker')}'
[ "$1" = buildx ] || exec "$real" "$@"
exec "$real" "$@" 2> >(exec tee '${reports}/'$$ >&2)
`,
    { mode: 0o755 },
  );
  return {
    path: `${folder}${delimiter}${process.env['PATH']}`,
    steps: async () =>
      (
        await Promise.all(
          (await readdir(reports)).map((name) => readFile(join(reports, name), 'utf8')),
        )
      ).flatMap(completedSteps),
    forget: async () => {
      for (const name of await readdir(reports)) await rm(join(reports, name));
    },
  };
};

/** The completed steps of one build, out of what `--progress=rawjson` prints. */
const completedSteps = (report: string): Step[] => {
  const steps = new Map<string, Step>();
  for (const line of report.split('\n').filter((each) => each.startsWith('{'))) {
    const { vertexes = [] } = JSON.parse(line) as {
      vertexes?: { digest: string; name: string; cached?: boolean; completed?: string }[];
    };
    for (const { digest, name, cached = false, completed } of vertexes)
      if (completed !== undefined) steps.set(digest, { digest, name, cached });
  }
  return [...steps.values()];
};
