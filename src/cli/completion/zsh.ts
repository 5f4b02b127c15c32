import { type OptionWord, type Place, quoted, type Word } from './words.ts';

/** `pilotctl completion zsh > "${fpath[1]}/_pilotctl"` */
export function zshScript(places: readonly Place[]): string {
  const nested = places.filter(({ path }) => path.length === 2);
  const valued = places
    .flatMap((place) => place.options)
    .filter(({ isFile, choices }) => isFile || choices.length > 0);
  const byFlag = new Map(valued.map((option) => [option.word, option]));
  return `#compdef pilotctl
# zsh completion for pilotctl: pilotctl completion zsh > "\${fpath[1]}/_pilotctl"
_pilotctl() {
  local place=
  local -a next
  if (( CURRENT > 2 )); then place=$words[2]; fi
  if (( CURRENT > 3 )); then
    case "$words[2] $words[3]" in
      ${nested.map(({ path }) => quoted(path.join(' '))).join('|')}) place="$words[2] $words[3]" ;;
    esac
  fi
  case "$words[CURRENT-1]" in
${[...byFlag.values()].map((option) => `    ${option.word}) ${valueAction(option)}; return ;;`).join('\n')}
  esac
  case "$place" in
${places.map((place) => `    ${quoted(place.path.join(' '))}) next=(${described([...place.words, ...place.options])}) ;;`).join('\n')}
  esac
  _describe 'pilotctl' next || _files
}
if [ "$funcstack[1]" = "_pilotctl" ]; then _pilotctl "$@"; else compdef _pilotctl pilotctl; fi
`;
}

function valueAction({ isFile, choices }: OptionWord): string {
  return isFile ? '_files' : `compadd -- ${choices.join(' ')}`;
}

function described(words: readonly Word[]): string {
  return words
    .map(({ word, description }) => quoted(`${word}:${description.replaceAll(':', '\\:')}`))
    .join(' ');
}
