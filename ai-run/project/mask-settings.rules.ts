/** The user's patterns of files to mask and to show: AI_RUN_MASK and AI_RUN_UNMASK. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import type { MaskSettings } from './secrets.rules.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';
import { valueOf, type Variables } from '@ai-bakery/kernel/variable.ts';

/** Characters of a pattern. A longer one would slow every start: each pattern is compared with each name of a project. */
const longest = 128;

/** Returns the reason why a text is not a valid pattern; undefined if it is. */
export function patternMistake(text: string): string | undefined {
  if (text.length > longest) return `a pattern has at most ${longest} characters`;
  if (/\p{C}/u.test(text)) return 'a pattern must not contain control characters';
  if (text.startsWith('!')) return 'put exceptions in unmask, without !';
  if (text.includes('**'))
    return '* matches within one name; a pattern without / matches in every folder';
  const names = text.replace(/^\/|\/$/g, '').split('/');
  return names.some((name) => name === '' || name === '.' || name === '..')
    ? 'expected a name like *.pem, a folder like private/ or a path like config/prod.yml'
    : undefined;
}

/**
 * Reads the patterns that the user masks and shows in every project, `AI_RUN_MASK` and `AI_RUN_UNMASK`, separated by
 * spaces or commas. The environment overrides `~/.ai-env`.
 * @throws UserError E_SETTING for an invalid pattern, with its source.
 */
export function userMasks(env: Variables, file: Variables): Required<MaskSettings> {
  const read = (name: string): readonly string[] => {
    const here = valueOf(env, name);
    const from = here === undefined ? '~/.ai-env' : 'the environment';
    const patterns = (here ?? valueOf(file, name) ?? '')
      .split(/[\s,]+/)
      .filter((one) => one !== '');
    for (const pattern of patterns) {
      const mistake = patternMistake(pattern);
      if (mistake !== undefined)
        throw new UserError(
          'E_SETTING',
          `${name} in ${from}: ${JSON.stringify(redacted(pattern))}: ${mistake}`,
          { hint: `correct ${name} in ${from}` },
        );
    }
    return patterns;
  };
  return { add: read('AI_RUN_MASK'), remove: read('AI_RUN_UNMASK') };
}
