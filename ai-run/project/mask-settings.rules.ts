import { UserError } from '@ai-bakery/kernel/error.ts';
import type { MaskSettings } from './secrets.rules.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';
import { valueOf, type Variables } from '@ai-bakery/kernel/variable.ts';

/** More would make every start slow: each is compared with each name of a project. */
const longest = 128;

/** Why a text is no pattern of names to hide, or nothing. */
export function patternMistake(text: string): string | undefined {
  if (text.length > longest) return `a pattern has at most ${longest} characters`;
  if (/\p{C}/u.test(text)) return 'a pattern holds no control characters';
  if (text.startsWith('!')) return 'what is not to be hidden stands in unmask';
  if (text.includes('**'))
    return '* stands within a name; a pattern without / holds in every folder';
  const names = text.replace(/^\/|\/$/g, '').split('/');
  return names.some((name) => name === '' || name === '.' || name === '..')
    ? 'expected a name like *.pem, a folder like private/ or a path like config/prod.yml'
    : undefined;
}

/**
 * What the user hides and shows in every project, `AI_RUN_MASK` and `AI_RUN_UNMASK`: patterns between spaces or commas.
 * The environment goes before `~/.ai-env`.
 * @throws UserError E_SETTING for what is no pattern, naming where it stands.
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
