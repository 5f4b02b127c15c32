import { formatDuration } from '../base/duration.ts';
import { type ConfigKey, configKeys, type ConfigOrigin, type LoadedConfig } from './config.ts';
import { valueAt } from './config-tree.ts';

export interface EffectiveSetting {
  readonly key: string;
  /** As it would stand in the file; a secret only says that there is one. */
  readonly value: unknown;
  readonly origin: ConfigOrigin;
}

/** Every setting of a loaded configuration, for people, and where it came from. */
export function effectiveSettings({ config, origins }: LoadedConfig): EffectiveSetting[] {
  return configKeys().map((setting) => ({
    key: setting.key,
    value: shownValue(setting, valueAt(config, setting.key.split('.'))),
    origin: origins.get(setting.key) ?? 'default',
  }));
}

function shownValue({ kind, secret }: ConfigKey, value: unknown): unknown {
  if (secret) return value === '' ? '' : '[secret]';
  if (kind !== 'duration' || typeof value !== 'number') return value;
  return formatDuration(value).replaceAll(' ', '');
}
