import { type Place, quoted } from './words.ts';

/** `source <(pilotctl completion bash)` */
export function bashScript(places: readonly Place[]): string {
  const nested = places.filter(({ path }) => path.length === 2);
  const options = places.flatMap((place) => place.options);
  const files = new Set(options.filter(({ isFile }) => isFile).map(({ word }) => word));
  const choices = new Map(
    options
      .filter((option) => option.choices.length > 0)
      .map((option) => [option.word, option.choices]),
  );
  return `# bash completion for pilotctl: source <(pilotctl completion bash)
_pilotctl() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local place= words=
  if [ "$COMP_CWORD" -gt 1 ]; then place=\${COMP_WORDS[1]}; fi
  if [ "$COMP_CWORD" -gt 2 ]; then
    case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
      ${nested.map(({ path }) => quoted(path.join(' '))).join('|')}) place="\${COMP_WORDS[1]} \${COMP_WORDS[2]}" ;;
    esac
  fi
  case "$place" in
${places.map((place) => `    ${quoted(place.path.join(' '))}) words=${quoted(wordsOf(place))} ;;`).join('\n')}
  esac
  case "$prev" in
${[...choices].map(([flag, values]) => `    ${flag}) words=${quoted(values.join(' '))} ;;`).join('\n')}
    ${[...files].join('|')}) words= ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
# Where nothing of ours fits, file names do.
complete -o default -F _pilotctl pilotctl
`;
}

function wordsOf({ words, options }: Place): string {
  return [...words, ...options].map(({ word }) => word).join(' ');
}
