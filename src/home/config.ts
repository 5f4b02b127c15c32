import path from 'node:path';

import * as z from 'zod';

import { PilotError } from '../base/pilot-error.ts';
import { parseConfigDocument } from './config-document.ts';
import { readConfigFile } from './config-file.ts';
import {
  type ConfigOverride,
  configOverrides,
  type Environment,
  type OptionValue,
  registryRelay,
} from './config-override.ts';
import { configFileError, type ConfigProblem } from './config-problem.ts';
import { type Config, CONFIG_SCHEMA, CONFIG_SETTINGS } from './config-schema.ts';
import type { Setting, SettingKind } from './config-setting.ts';
import { type ConfigTree, valueAt, withValue } from './config-tree.ts';
import { shellQuoted } from './private-mode.ts';

export { setConfigValue } from './config-edit.ts';
export type { ConfigProblem } from './config-problem.ts';
export { formatConfigProblem } from './config-problem.ts';
export type { Config } from './config-schema.ts';

export interface ConfigSources {
  /** By dotted key: `{ 'node.hostname': 'alpha' }`. */
  readonly flags?: Readonly<Record<string, OptionValue | undefined>> | undefined;
  readonly env: Environment;
  /** Named by the user: has to exist. */
  readonly file?: string | undefined;
  /** Read when there is one and no other is named. */
  readonly defaultFile: string;
}

export type ConfigOrigin = 'default' | 'file' | 'environment' | 'flag';

export interface LoadedConfig {
  readonly config: Config;
  /** Of every setting, by dotted key. */
  readonly origins: ReadonlyMap<string, ConfigOrigin>;
  /** The file that was read. */
  readonly file: string | undefined;
  /** What works, but should be mended. */
  readonly warnings: readonly string[];
}

const RELAYS = 'protocol.connection.relays';
const RELAY_CA_FILE = 'protocol.connection.relay_ca_file';
const RELAY_TOKEN = 'protocol.connection.relay_token';

/** Command line over environment over file over default. PilotError says what is wrong and where. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const file = readTree(sources);
  const overrides = configOverrides(sources.flags ?? {}, sources.env);
  const named = overrides.get(RELAYS)?.value ?? settingIn(file.tree, RELAYS) ?? [];
  const registry = (named as string[]).length === 0 ? registryRelay(sources.env) : undefined;
  if (registry !== undefined) overrides.set(RELAYS, { origin: 'environment', value: [registry] });

  const tree = [...overrides].reduce(
    (below, [key, { value }]) => withValue(below, key, value),
    file.tree,
  );
  const origins = originsOf(file.tree, overrides);
  const config = CONFIG_SCHEMA.parse(tree);
  const { connection } = config.protocol;
  if (connection.relay_ca_file !== '') {
    const folder = origins.get(RELAY_CA_FILE) === 'file' ? path.dirname(file.name ?? '') : '';
    connection.relay_ca_file = path.resolve(folder, connection.relay_ca_file);
  }
  return { config, origins, file: file.name, warnings: file.warnings };
}

/** All that is wrong with the text of a configuration file, with its place. */
export function validateConfigText(text: string, fileName: string): readonly ConfigProblem[] {
  return parseConfigDocument(text, fileName).problems;
}

/** JSON Schema 2020-12 of the file. */
export function configSchemaJson(): object {
  return z.toJSONSchema(CONFIG_SCHEMA, { io: 'input' });
}

/** One setting, for people and for completions. */
export interface ConfigKey {
  readonly key: string;
  readonly kind: SettingKind;
  /** What it may be, in words. */
  readonly type: string;
  readonly default: Setting['default'];
  readonly description: string;
  readonly choices: readonly string[];
  /** Not to be shown. */
  readonly secret: boolean;
}

export function configKeys(): ConfigKey[] {
  return [...CONFIG_SETTINGS].map(([key, setting]) => ({
    ...{ key, kind: setting.kind, type: setting.expected, default: setting.default },
    description: setting.description,
    choices: setting.choices ?? [],
    secret: setting.secret ?? false,
  }));
}

function originsOf(
  tree: ConfigTree,
  overrides: ReadonlyMap<string, ConfigOverride>,
): Map<string, ConfigOrigin> {
  const originOf = (key: string): ConfigOrigin =>
    overrides.get(key)?.origin ?? (settingIn(tree, key) === undefined ? 'default' : 'file');
  return new Map([...CONFIG_SETTINGS.keys()].map((key) => [key, originOf(key)]));
}

interface ConfigFileContent {
  readonly tree: ConfigTree;
  readonly name: string | undefined;
  readonly warnings: readonly string[];
}

function readTree({ file, defaultFile }: ConfigSources): ConfigFileContent {
  const name = file ?? defaultFile;
  const content = readConfigFile(name);
  if (content === undefined) {
    if (file === undefined) return { tree: {}, name: undefined, warnings: [] };
    throw new PilotError('not_found', `there is no configuration file ${file}`, {
      hint: 'check --config',
    });
  }
  const { tree, problems } = parseConfigDocument(content.text, name);
  if (problems.length > 0) throw configFileError(problems);
  const exposed = content.readableByOthers && settingIn(tree, RELAY_TOKEN) !== undefined;
  const warning = `${name} holds the relay's token and others may read it: chmod 600 ${shellQuoted(name)}`;
  return { tree, name, warnings: exposed ? [warning] : [] };
}

function settingIn(tree: ConfigTree, key: string): unknown {
  return valueAt(tree, key.split('.'));
}
