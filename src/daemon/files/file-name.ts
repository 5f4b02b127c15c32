/**
 * Names that peers give to files, made fit for a folder of ours. What could lead out of the folder is refused; what
 * only some systems cannot have is replaced, since a file called `aux.c` is an honest file elsewhere.
 */
import path from 'node:path';

/** Of one name, in bytes: NAME_MAX of the usual file systems. */
export const MAX_NAME_BYTES = 255;
const MAX_FOLDER_BYTES = 1024;
const MAX_DEPTH = 32;
/** What is longer after the last dot belongs to the name. */
const MAX_EXTENSION_BYTES = 32;
/** Devices on Windows, with any ending (Microsoft, "Naming Files, Paths, and Namespaces"). */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)/i;
/** Control characters, marks that turn the direction of text, line ends: names are shown at terminals. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
/** Ours, at the top of the received folder. */
export const PARTIAL_FOLDER = '.partial';

/** Why a name is not taken; goes to the peer. */
export class NameError extends Error {
  override readonly name = 'NameError';
}

/** One name for one file or folder. NameError. */
export function safeName(name: string): string {
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new NameError(`a name of more than ${MAX_NAME_BYTES} bytes`);
  }
  if (name === '' || name === '.' || name === '..') throw new NameError(`'${name}' is no name`);
  if (/[/\\\0]/.test(name)) throw new NameError('a name with a slash, a backslash or NUL');
  const printable = name
    .replace(UNPRINTABLE, '_')
    .replace(/[. ]+$/, (end) => '_'.repeat(end.length));
  const isReserved = DEVICE.test(printable) || printable.toLowerCase() === PARTIAL_FOLDER;
  return isReserved ? fitted(`_${printable}`) : fitted(printable);
}

/** A folder below the received one, its parts apart by `/`; empty: the received folder itself. NameError. */
export function safeFolder(folder: string): string[] {
  if (folder === '') return [];
  if (Buffer.byteLength(folder) > MAX_FOLDER_BYTES) {
    throw new NameError(`a folder of more than ${MAX_FOLDER_BYTES} bytes`);
  }
  const parts = folder.split('/');
  if (parts.length > MAX_DEPTH) throw new NameError(`more than ${MAX_DEPTH} folders deep`);
  return parts.map(safeName);
}

/** Strict UTF-8. NameError. */
export function decodeName(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new NameError('a name that is not UTF-8');
  }
}

/** Another name for a file whose own is taken: `report-20260131-120000.123-1.pdf` (pilotctl interface 2.9). */
export function suffixedName(name: string, atMs: number, attempt: number): string {
  const { ext: anyExt } = path.parse(name);
  const ext = Buffer.byteLength(anyExt) <= MAX_EXTENSION_BYTES ? anyExt : '';
  const base = name.slice(0, name.length - ext.length);
  const [day = '', time = ''] = new Date(atMs).toISOString().slice(0, -1).split('T');
  const stamp = `-${day.replaceAll('-', '')}-${time.replaceAll(':', '')}`;
  const ending = `${stamp}${attempt === 0 ? '' : `-${attempt}`}${ext}`;
  return cut(base, MAX_NAME_BYTES - Buffer.byteLength(ending)) + ending;
}

function fitted(name: string): string {
  return cut(name, MAX_NAME_BYTES);
}

/** So many bytes at most, whole characters only. */
function cut(text: string, maxBytes: number): string {
  let length = 0;
  let kept = '';
  for (const character of text) {
    length += Buffer.byteLength(character);
    if (length > maxBytes) break;
    kept += character;
  }
  return kept;
}
