import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
} from 'yaml';

import { type ConfigFault, type ConfigProblem, faultsOf } from './config-problem.ts';
import { CONFIG_SETTINGS } from './config-schema.ts';
import type { ConfigTree } from './config-tree.ts';

/** A file of ours has a few kilobytes; the parser takes seconds for megabytes of brackets. */
export const MAX_CONFIG_BYTES = 256 * 1024;
const MAX_PROBLEMS = 20;
/** More are not even looked up in the text; of these the first are told. */
const MAX_FAULTS = 10 * MAX_PROBLEMS;

export interface ConfigDocument {
  readonly yaml: Document;
  /** The settings that the file has; meaningless when there are problems. */
  readonly tree: ConfigTree;
  readonly problems: readonly ConfigProblem[];
}

/** Reads YAML text as a tree of settings. All that is wrong comes back as problems; it never throws. */
export function parseConfigDocument(text: string, file: string): ConfigDocument {
  const lines = new LineCounter();
  const fits = text.length <= MAX_CONFIG_BYTES;
  const yaml = parseDocument(fits ? text : '', {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    // The parser compares each key with each other one; yamlFailures does it in one pass.
    uniqueKeys: false,
    logLevel: 'error',
  });
  const failed = fits ? yamlFailures(yaml) : [{ ...TOO_LARGE, offset: 0 }];
  const read = failed.length === 0 ? ((yaml.toJS({ maxAliasCount: 0 }) as unknown) ?? {}) : {};
  const tree = withoutEmptySections(read, '');
  const faults = faultsOf(tree).slice(0, MAX_FAULTS);
  const refused = faults.map((fault) => ({ ...fault, offset: offsetOf(yaml, fault) }));
  const problems = [...failed, ...refused].sort((a, b) => a.offset - b.offset);
  return {
    yaml,
    tree: tree as ConfigTree,
    problems: problems.slice(0, MAX_PROBLEMS).map(({ offset, key, message, hint }) => {
      const { line, col } = lines.linePos(offset);
      // An empty text has no line to the counter.
      return {
        file,
        line: Math.max(1, line),
        column: Math.max(1, col),
        key,
        message,
        hint: hint(),
      };
    }),
  };
}

type Failure = Pick<ConfigFault, 'key' | 'message' | 'hint'> & { readonly offset: number };

const TOO_LARGE = {
  ...{ key: '', message: `is larger than ${MAX_CONFIG_BYTES / 1024} KiB` },
  hint: () => 'is it the right file?',
};

/** What YAML itself finds wrong, and references, by which a few lines can grow without end. */
function yamlFailures(yaml: Document): Failure[] {
  const failures = [...yaml.errors, ...yaml.warnings].map(({ code, message, pos }) => {
    const text = YAML_MESSAGES.get(code) ?? `is not YAML: ${message}`;
    return { offset: pos[0], key: '', message: text, hint: () => undefined };
  });
  if (failures.length > 0) return failures;
  const fail = (message: string, node: unknown): void => {
    const offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
    failures.push({ offset, key: '', message, hint: () => undefined });
  };
  visit(yaml, {
    Alias(_key, node) {
      fail('references (*name) are not supported', node);
    },
    Map(_key, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const name = isScalar(key) ? key.value : key;
        if (seen.has(name)) fail('this key stands twice in its section', key);
        seen.add(name);
      }
    },
  });
  return failures;
}

const YAML_MESSAGES = new Map<string, string>([
  ['MULTIPLE_DOCS', 'a second document begins here; a configuration is one document'],
  ['NON_STRING_KEY', 'a key must be plain text'],
  ['RESOURCE_EXHAUSTION', 'is nested too deeply'],
]);

/** A section whose settings are all commented out is null to YAML; it is as good as left out. */
function withoutEmptySections(value: unknown, prefix: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).filter(
    ([name, child]) => child !== null || !isSection(prefix + name),
  );
  return Object.fromEntries(
    entries.map(([name, child]) => [name, withoutEmptySections(child, `${prefix}${name}.`)]),
  );
}

function isSection(key: string): boolean {
  return [...CONFIG_SETTINGS.keys()].some((known) => known.startsWith(`${key}.`));
}

/** Where in the text the fault stands: at the value, or at the name when there is no value. */
function offsetOf(yaml: Document, { path, atName }: ConfigFault): number {
  let node: unknown = yaml.contents;
  let offset = 0;
  path.forEach((step, depth) => {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
      if (isScalar(pair?.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair?.value;
      if (atName && depth === path.length - 1) return;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
    }
    offset = startOf(node) ?? offset;
  });
  return offset;
}

function startOf(node: unknown): number | undefined {
  if (isScalar(node)) return node.value === null ? undefined : node.range?.[0];
  return isSeq(node) || isMap(node) ? node.range?.[0] : undefined;
}
