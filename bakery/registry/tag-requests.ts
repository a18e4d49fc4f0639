/** Lists the tags of a repository. Distribution spec, "listing tags" */

import type { Client } from './authorization.ts';
import { parseTags } from './manifest.rules.ts';
import { locate } from './place.rules.ts';
import { invalid, refusal } from './registry-error.rules.ts';
import type { Answer } from './transport.ts';

export async function readTags(client: Client, repository: string): Promise<string[]> {
  const place = locate(repository);
  const tags: string[] = [];
  let url: string | undefined = `${place.base}/tags/list?n=1000`;
  while (url !== undefined) {
    const answer: Answer = await client.send(place, { url });
    if (answer.status === 404) break;
    if (answer.status !== 200) throw refusal(answer);
    tags.push(...tagsOf(answer));
    url = nextPage(answer, url);
  }
  return tags;
}

function tagsOf(answer: Answer): string[] {
  try {
    return parseTags(answer.body);
  } catch (error) {
    throw invalid(answer, error);
  }
}

/** The next page, if it belongs to the same registry. RFC 8288 */
function nextPage({ headers }: Answer, url: string): string | undefined {
  const link = /<([^>]+)>\s*;\s*rel="?next"?/.exec(headers.get('link') ?? '')?.[1];
  const next = link === undefined ? undefined : new URL(link, url);
  return next?.origin === new URL(url).origin ? next.href : undefined;
}
