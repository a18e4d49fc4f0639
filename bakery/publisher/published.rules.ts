/** The report of a publication. */

import type { Digest } from '@ai-bakery/kernel/reference.ts';
import type { Move } from './need.rules.ts';
import type { BuildReport, ImageReport } from '../tester/report.rules.ts';
import type { ScanReport } from './scan.rules.ts';

/** The result of one image. */
export type PublishedImage = {
  /** `registry.example.com/ai/ai-claude:go` */
  readonly image: string;
  readonly key?: Digest;
  /** The index that was published, or failed. */
  readonly digest?: Digest;
  readonly outcome:
    | 'up to date'
    | 'staged'
    | 'tested'
    | 'signed'
    | 'promoted'
    | 'blocked'
    | 'failed';
  /** The reasons why it was not up to date. */
  readonly changes: readonly string[];
  readonly moved: readonly Move[];
  /** Whether this run or an earlier one has signed it; absent if signatures are not requested. */
  readonly signed?: 'now' | 'before';
  /** Why it failed. */
  readonly why?: string;
};

/** The output of `bakery publish --json`. */
export type PublishReport = {
  readonly registry: string;
  /** Builds and pushes of this run. */
  readonly layers: BuildReport['layers'];
  /** Ids of the layers that the registry had. */
  readonly layersFromRegistry: readonly string[];
  readonly images: readonly PublishedImage[];
  /** Tests of this run, without those of earlier runs. */
  readonly tests: readonly ImageReport[];
  /** Scans of this run; absent if nothing was scanned. */
  readonly scans?: readonly ScanReport[];
  readonly leftOut: BuildReport['leftOut'];
  /** File that records the moved tags; absent if none was moved. */
  readonly journal?: string;
  readonly milliseconds: number;
  readonly ok: boolean;
};
