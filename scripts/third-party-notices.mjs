// The notices that licences want kept with copies of their code: pilotctl carries its packages within.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** A package under another licence is looked at by a person before it is bundled. */
const KNOWN_LICENSES = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
]);
const NOTICE_FILE = /^(licen[cs]e|copying|notice)(-[\w.]+?)?(\.(md|txt))?$/i;
const RULE = '-'.repeat(80);

/**
 * One text for all packages whose files are in a bundle. Throws for one without a licence text, or with a
 * licence that is not known.
 *
 * @param {Iterable<string>} inputs files that were bundled, as esbuild's metafile names them
 * @param {string} root what those names are relative to
 */
export function thirdPartyNotices(inputs, root) {
  const folders = new Set([...inputs].map(packageOf).filter((folder) => folder !== undefined));
  const notices = [...folders].map((folder) => noticeOf(path.resolve(root, folder)));
  const texts = [...new Map(notices.map(({ title, text }) => [title, text]))];
  texts.sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    'The files of this folder contain code of the following packages.\n',
    ...texts.map(([title, text]) => `${RULE}\n${title}\n\n${text}\n`),
  ].join('\n');
}

/** The folder of the package that a file belongs to; undefined: it is ours. */
function packageOf(file) {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0];
}

function noticeOf(folder) {
  const { name, version, license } = JSON.parse(
    readFileSync(path.join(folder, 'package.json'), 'utf8'),
  );
  const title = `${name} ${version} (${license})`;
  if (!KNOWN_LICENSES.has(license)) throw new Error(`${title}: may it be bundled?`);
  const files = readdirSync(folder)
    .filter((file) => NOTICE_FILE.test(file))
    .sort();
  if (files.length === 0) throw new Error(`${title}: no licence text in ${folder}`);
  const text = files.map((file) => readFileSync(path.join(folder, file), 'utf8').trim());
  return { title, text: text.join('\n\n') };
}
