import { formatDuration } from '../base/duration.ts';
import type { ConfigList } from '../client/api.ts';
import { type ConfigKey, configKeys, type LoadedConfig } from '../home/config.ts';
import { valueAt } from '../home/config-tree.ts';

/** Every setting this daemon runs with, and where it came from; of a secret only that there is one. */
export function effectiveSettings(
  { config, origins, file }: LoadedConfig,
  defaultFile: string,
): ConfigList {
  const entries = configKeys().map((setting) => ({
    key: setting.key,
    value: shownValue(setting, valueAt(config, setting.key.split('.'))),
    origin: origins.get(setting.key) ?? 'default',
  }));
  return { entries, config_path: file ?? defaultFile };
}

/** As it would stand in the file. */
function shownValue({ kind, secret }: ConfigKey, value: unknown): unknown {
  if (secret) return value === '' ? '' : '[secret]';
  if (kind !== 'duration' || typeof value !== 'number') return value;
  return formatDuration(value).replaceAll(' ', '');
}
