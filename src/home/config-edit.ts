import { type Document, isMap, isScalar } from 'yaml';

import { parseConfigDocument } from './config-document.ts';
import { readConfigFile, writeConfigFile } from './config-file.ts';
import { checkedValue } from './config-override.ts';
import { configFileError } from './config-problem.ts';

/**
 * Sets one setting in a configuration file, which keeps its comments; makes the file when there is
 * none. `text` is as on a command line: items of a list are separated by commas. Nothing is written
 * when the setting or the file is not as it should be: PilotError.
 */
export function setConfigValue(file: string, key: string, text: string): void {
  const value = checkedValue(key, text, 'config');
  const { yaml, problems } = parseConfigDocument(readConfigFile(file)?.text ?? '', file);
  if (problems.length > 0) throw configFileError(problems);
  const path = key.split('.');
  fillEmptySections(yaml, path);
  yaml.setIn(path, typeof value === 'object' ? yaml.createNode(value) : value);
  const edited = yaml.toString({ lineWidth: 0 });
  const after = parseConfigDocument(edited, file);
  if (after.problems.length > 0) throw configFileError(after.problems);
  writeConfigFile(file, edited);
}

/** A section with nothing but comments in it is an empty value to YAML, with the comments its own. */
function fillEmptySections(yaml: Document, path: readonly string[]): void {
  for (let depth = 0; depth < path.length; depth += 1) {
    const place = path.slice(0, depth);
    const node = depth === 0 ? yaml.contents : yaml.getIn(place, true);
    if (node === undefined) return;
    if (isMap(node)) continue;
    const section = yaml.createNode({});
    if (isScalar(node)) section.commentBefore = node.commentBefore ?? node.comment ?? null;
    if (depth === 0) yaml.contents = section;
    else yaml.setIn(place, section);
  }
}
