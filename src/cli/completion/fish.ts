import { type OptionWord, type Place, quoted } from './words.ts';

/** `pilotctl completion fish > ~/.config/fish/completions/pilotctl.fish` */
export function fishScript(places: readonly Place[]): string {
  const lines = places.flatMap((place) => {
    const at = quoted(condition(place, places));
    return [
      ...place.words.map(
        ({ word, description }) =>
          `complete -c pilotctl -n ${at} -a ${word} -d ${quoted(fishText(description))}`,
      ),
      ...place.options.map(
        (option) =>
          `complete -c pilotctl -n ${at} -l ${option.word.slice(2)}${valueOf(option)} -d ${quoted(fishText(option.description))}`,
      ),
    ];
  });
  return `# fish completion for pilotctl
${lines.join('\n')}
`;
}

/** In this place, and not in one below it. */
function condition({ path }: Place, places: readonly Place[]): string {
  if (path.length === 0) return '__fish_use_subcommand';
  const here = path.map((word) => `__fish_seen_subcommand_from ${word}`);
  const below = places.filter((place) => place.path.length === 2 && place.path[0] === path[0]);
  if (path.length === 1 && below.length > 0) {
    here.push(`not __fish_seen_subcommand_from ${below.map((place) => place.path[1]).join(' ')}`);
  }
  return here.join('; and ');
}

function valueOf({ takesValue, isFile, choices }: OptionWord): string {
  if (!takesValue) return '';
  if (choices.length > 0) return ` -x -a ${quoted(choices.join(' '))}`;
  return isFile ? ' -r -F' : ' -x';
}

/** In single quotes a backslash has to be doubled. */
function fishText(text: string): string {
  return text.replaceAll('\\', '\\\\');
}
