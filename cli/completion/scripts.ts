export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** What `dstack completion query` prints where a file name is wanted: the shell knows how to complete those. */
export const FILES = ":files";

/**
 * The scripts hold no knowledge of their own: they hand the words so far, the unfinished one last, to
 * `dstack completion query`, and so are right for whatever version is installed.
 */
const BASH = `_dstack() {
  local IFS=$'\\n' current="\${COMP_WORDS[COMP_CWORD]}" found
  found=$(dstack completion query -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [ "$found" = "${FILES}" ]; then
    COMPREPLY=($(compgen -G "$current*.yml"; compgen -G "$current*.yaml"; compgen -d -S / -- "$current"))
  else
    COMPREPLY=($(compgen -W "$found" -- "$current"))
  fi
}
complete -o nospace -F _dstack_spaced dstack
_dstack_spaced() {
  _dstack
  local at
  for at in "\${!COMPREPLY[@]}"; do
    case "\${COMPREPLY[at]}" in */) ;; *) COMPREPLY[at]="\${COMPREPLY[at]} " ;; esac
  done
}
`;

const ZSH = `#compdef dstack
_dstack() {
  local -a found
  found=("\${(@f)$(dstack completion query -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "\${found[1]}" == "${FILES}" ]]; then
    _files -g '*.(yml|yaml)'
  else
    compadd -a found
  fi
}
compdef _dstack dstack
`;

const FISH = `function __dstack_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (dstack completion query -- $words[2..-1] 2>/dev/null)
  if test "$found" = "${FILES}"
    __fish_complete_suffix .yml
    __fish_complete_suffix .yaml
  else
    printf '%s\\n' $found
  end
end
complete -c dstack -f -a '(__dstack_complete)'
`;

export const scriptFor = (shell: Shell): string => ({ bash: BASH, zsh: ZSH, fish: FISH })[shell];
