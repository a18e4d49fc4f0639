/** The completion scripts for bash, zsh and fish. */

export const shells = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof shells)[number];

/**
 * Returns a shell's completion script. It runs ai-run for the candidates, so that agents and sessions are current, and uses
 * each candidate literally: the shell must never expand one again, as `compgen -W` does.
 * @param program the command that starts ai-run, as shell source.
 */
export function completionScript(shell: Shell, program = 'ai-run'): string {
  return {
    // macOS ships bash 3.2, which lacks mapfile.
    bash: `_ai_run() {
  local word
  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("$word")
  done < <(command ${program} completion --words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _ai_run ai-run`,
    zsh: `_ai_run() {
  local -a words_after
  words_after=("\${(@f)$(command ${program} completion --words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  words_after=(\${words_after:#})
  if (( \${#words_after} )); then compadd -Q -- "\${words_after[@]}"; else _files; fi
}
if (( \${+functions[compdef]} )); then compdef _ai_run ai-run; fi`,
    fish: `complete -c ai-run -f -n 'not contains -- -- (commandline -opc)' -a '(command ${program.replaceAll("'", String.raw`\'`)} completion --words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'`,
  }[shell];
}
