/** Settings for people. Loads the configuration's schema: for the `config` commands only. */
import type { ConfigEntry } from '../client/client.ts';
import { loadConfig } from '../home/config.ts';
import { effectiveSettings } from '../home/effective-settings.ts';

export interface ConfigView {
  readonly entries: readonly ConfigEntry[];
  readonly warnings: readonly string[];
}

/** What a daemon that is started now would run with. */
export function readConfigView(
  env: Readonly<Record<string, string | undefined>>,
  files: { readonly named: string | undefined; readonly standard: string },
): ConfigView {
  const loaded = loadConfig({ env, file: files.named, defaultFile: files.standard });
  return { entries: effectiveSettings(loaded), warnings: loaded.warnings };
}

export function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(String).join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
