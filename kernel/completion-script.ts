/** The completion scripts of a program: each asks the program itself which words can follow. */

export const shells = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof shells)[number];

/** Printed among the candidates if names of files can follow; it is never a candidate itself. */
export const filesMark = ':files';

/**
 * The script of a shell. It takes the program's answer literally: expanding it again, as `compgen -W` does, would run
 * names of images and sessions as code.
 * @param program the name that is completed.
 * @param call the command by which the shell starts the program; default: its name.
 */
export function completionScript(shell: Shell, program: string, call = program): string {
  const name = `_${program.replaceAll('-', '_')}`;
  return { bash, zsh, fish }[shell](program, name, call);
}

/** For bash 3.2, the bash of macOS: no `mapfile`, no `compopt`. Without an answer, bash completes names of files. */
function bash(program: string, name: string, call: string): string {
  return `${name}() {
  local word
  COMPREPLY=()
  while IFS= read -r word; do
    [ "$word" = ${filesMark} ] || COMPREPLY+=("$word")
  done < <(command ${call} completion --words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F ${name} ${program}`;
}

function zsh(program: string, name: string, call: string): string {
  return `${name}() {
  local -a found
  found=("\${(@f)$(command ${call} completion --words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=(\${found:#})
  if (( \${found[(Ie)${filesMark}]} )); then _files; fi
  found=(\${found:#${filesMark}})
  if (( \${#found} )); then compadd -Q -- "\${found[@]}"; fi
}
if (( \${+functions[compdef]} )); then compdef ${name} ${program}; fi`;
}

function fish(program: string, name: string, call: string): string {
  return `function _${name}
  for word in (command ${call} completion --words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)
    if test "$word" = ${filesMark}
      __fish_complete_path (commandline -ct)
    else
      printf '%s\\n' $word
    end
  end
end
complete -c ${program} -f -a '(_${name})'`;
}
