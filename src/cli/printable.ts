/**
 * Text that peers chose, made harmless: it must not move the cursor, retitle the terminal, or break a
 * line-based protocol. Readers in Node also split lines at U+2028 and U+2029.
 */
const CONTROL = /[\p{Cc}\u2028\u2029]/gu;

/** On one line: line ends become `\n`, other control characters `\u00XX`; tabs stay. */
export function oneLine(text: string): string {
  return text.replace(/\r\n|[\n\r]/g, '\\n').replace(CONTROL, escaped);
}

/** For a terminal: lines and tabs stay. */
export function printable(text: string): string {
  return text
    .replace(/\r\n/g, '\n')
    .replace(CONTROL, (character) => (character === '\n' ? character : escaped(character)));
}

/** JSON on one line. Outside of strings it may have line ends, inside none that is not escaped. */
export function jsonLine(json: string): string {
  return json.replace(/[\r\n]+/g, ' ').replace(/[\u2028\u2029]/g, escaped);
}

function escaped(character: string): string {
  if (character === '\t') return character;
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
}
