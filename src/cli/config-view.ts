/** Settings for people. Loads the configuration's schema: for the `config` commands only. */
import { formatDuration } from '../base/duration.ts';
import type { ConfigEntry } from '../client/client.ts';
import { type ConfigKey, configKeys, loadConfig } from '../home/config.ts';
import { valueAt } from '../home/config-tree.ts';

export interface ConfigView {
  readonly entries: readonly ConfigEntry[];
  readonly warnings: readonly string[];
}

/** What a daemon that is started now would run with. */
export function readConfigView(
  env: Readonly<Record<string, string | undefined>>,
  files: { readonly named: string | undefined; readonly standard: string },
): ConfigView {
  const { config, origins, warnings } = loadConfig({
    env,
    file: files.named,
    defaultFile: files.standard,
  });
  const entries = configKeys().map((setting) => ({
    key: setting.key,
    value: shownValue(setting, valueAt(config, setting.key.split('.'))),
    origin: origins.get(setting.key) ?? 'default',
  }));
  return { entries, warnings };
}

export function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(String).join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** As it would stand in the file; a secret only says that there is one. */
function shownValue({ kind, secret }: ConfigKey, value: unknown): unknown {
  if (secret) return value === '' ? '' : '[secret]';
  if (kind === 'duration' && typeof value === 'number')
    return formatDuration(value).replaceAll(' ', '');
  return value;
}
