import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Reporter, TestModule, Vitest } from 'vitest/node';

/** The state of one test, as scripts/count.mjs reads it. */
type TestEntry = {
  readonly fullName: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  /** The reason for which the test was skipped, if it gave one, or the first line of its first error. */
  readonly note?: string;
};

/** The state of one test file; `unended` until its last test has ended. */
type FileEntry = {
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'skipped' | 'unended';
  readonly note?: string;
  readonly seconds?: number;
  readonly tests: readonly TestEntry[];
};

/**
 * Writes a report for each project: .bakery/reports/<project>.json. A report names every file from the start of the run and is
 * written again when a file ends, so that a run that is killed leaves the names of the files that it did not finish.
 * @param until milliseconds since 1970: after this, no more tests are begun; they are skipped by name.
 */
export function reportFor(root: string, until: number | undefined, limit: string): Reporter {
  const projects = new Map<string, Map<string, FileEntry>>();
  const begun = new Map<string, number>();
  let vitest: Vitest;
  let timer: NodeJS.Timeout | undefined;
  let late = false;

  function write(project: string): void {
    const folder = join(root, '.bakery/reports');
    mkdirSync(folder, { recursive: true });
    const files = [...(projects.get(project)?.values() ?? [])];
    writeFileSync(join(folder, `${project}.json`), `${JSON.stringify({ project, files })}\n`);
  }

  function nameOf({ moduleId }: { readonly moduleId: string }): string {
    return relative(root, moduleId);
  }

  function stop(): void {
    for (const [project, files] of projects) {
      for (const [name, file] of files)
        if (file.status === 'unended' && !begun.has(name))
          files.set(name, { ...file, status: 'skipped', note: limit });
      write(project);
    }
    late = true;
    void vitest.cancelCurrentRun('keyboard-input');
  }

  return {
    onInit: (opened) => {
      vitest = opened;
    },
    onTestRunStart: (specifications) => {
      for (const { name } of vitest.projects) projects.set(name, new Map());
      for (const { project, moduleId } of specifications) {
        const name = nameOf({ moduleId });
        projects.get(project.name)?.set(name, { name, status: 'unended', tests: [] });
      }
      for (const project of projects.keys()) write(project);
      if (until !== undefined) timer = setTimeout(stop, Math.max(until - Date.now(), 0)).unref();
    },
    onTestModuleQueued: (module) => {
      begun.set(nameOf(module), performance.now());
    },
    onTestModuleEnd: (module) => {
      const name = nameOf(module);
      const seconds = (performance.now() - (begun.get(name) ?? 0)) / 1000;
      projects
        .get(module.project.name)
        ?.set(name, entryOf(module, name, seconds, late ? limit : undefined));
      write(module.project.name);
    },
    onTestRunEnd: () => clearTimeout(timer),
  };
}

/** @param limit the reason for which vitest has ended the run, if the gate asked for it. */
function entryOf(
  module: TestModule,
  name: string,
  seconds: number,
  limit: string | undefined,
): FileEntry {
  const tests = [...module.children.allTests()].map((test): TestEntry => {
    const result = test.result();
    const own = 'note' in result ? result.note : undefined;
    const error = result.state === 'failed' ? result.errors[0]?.message.split('\n')[0] : undefined;
    const note = error ?? (own?.includes('aborted by the user') === true ? (limit ?? own) : own);
    return {
      fullName: test.fullName,
      status: result.state === 'pending' ? 'failed' : result.state,
      ...(note === undefined ? {} : { note }),
    };
  });
  // A file whose set-up fails leaves its tests without a result: the file itself has failed then.
  return { name, status: module.ok() ? 'passed' : 'failed', seconds, tests };
}
