/** Jobs of a GitLab pipeline. */

import type { CiSettings } from './ci-settings.rules.ts';

/** The keywords of a job that are used here. */
export type Job = {
  readonly stage: 'layers' | 'images' | 'tests' | 'promotion';
  readonly script: readonly string[];
  readonly when?: 'always';
  readonly needs?: readonly string[];
  readonly tags?: readonly string[];
  readonly interruptible?: boolean;
  readonly resource_group?: string;
  readonly before_script?: readonly string[];
  readonly services?: readonly string[];
  readonly artifacts?: {
    readonly when: 'always';
    readonly expire_in: string;
    readonly paths: readonly string[];
    readonly reports?: { readonly junit: string };
  };
};

/** The folder of the jobs' reports, relative to the checkout; git ignores it. */
const folder = '.bakery/ci';

/** A job that publishes: its command and its artifacts, which it leaves even if it fails. */
export function publishing(
  name: string,
  words: readonly string[],
  { registry, settings }: { readonly registry: string; readonly settings: CiSettings },
  leaves: readonly ('junit' | 'journal')[] = [],
): Pick<Job, 'script' | 'artifacts'> {
  const report = `${folder}/${name}.json`;
  const junit = leaves.includes('junit') ? `${folder}/${name}.xml` : undefined;
  const journal = leaves.includes('journal') ? `${folder}/${name}.journal.json` : undefined;
  const command = [
    settings.command ?? 'npx bakery',
    'publish',
    ...words,
    `--registry ${registry}`,
    `--report ${report}`,
    ...(junit === undefined ? [] : [`--junit ${junit}`]),
    ...(journal === undefined ? [] : [`--journal ${journal}`]),
  ];
  return {
    script: [command.join(' ')],
    artifacts: {
      when: 'always',
      // The journal records which images users got, and when.
      expire_in: journal === undefined ? '1 week' : '1 year',
      paths: [report, ...(journal === undefined ? [] : [journal])],
      ...(junit === undefined ? {} : { reports: { junit } }),
    },
  };
}
