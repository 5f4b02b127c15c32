import { PilotError } from '../base/pilot-error.ts';
import { type ConfigFault, faultsOf, unknownKeyHint } from './config-problem.ts';
import { relayUrlOfEndpoint } from './config-relay-url.ts';
import { CONFIG_SETTINGS } from './config-schema.ts';
import type { Setting } from './config-setting.ts';
import { withValue } from './config-tree.ts';

/** Text as it was typed, the values of an option given several times, or a bare option. */
export type OptionValue = string | readonly string[] | boolean;

/** A setting from the command line or the environment. */
export interface ConfigOverride {
  readonly origin: 'environment' | 'flag';
  readonly value: unknown;
}

const VARIABLES = new Map([
  ['PILOT_RELAY', 'protocol.connection.relays'],
  ['PILOT_TOKEN', 'protocol.connection.relay_token'],
  ['PILOT_HOSTNAME', 'node.hostname'],
  ['PILOT_NAT_TRAVERSAL', 'network.nat_traversal'],
  ['PILOT_LOG_LEVEL', 'observability.logging.level'],
]);

export type Environment = Readonly<Record<string, string | undefined>>;

/** Settings from options and, where there is none, from the environment; checked. By dotted key. */
export function configOverrides(
  flags: Readonly<Record<string, OptionValue | undefined>>,
  env: Environment,
): Map<string, ConfigOverride> {
  const overrides = new Map<string, ConfigOverride>();
  for (const [variable, key] of VARIABLES) {
    const text = env[variable];
    if (text === undefined || text === '') continue;
    overrides.set(key, { origin: 'environment', value: checkedValue(key, text, variable) });
  }
  for (const [key, option] of Object.entries(flags)) {
    if (option === undefined) continue;
    overrides.set(key, { origin: 'flag', value: checkedValue(key, option, 'command line') });
  }
  return overrides;
}

/** The relay that `PILOT_REGISTRY` stands for, which older clients set to `host:port`. */
export function registryRelay(env: Environment): string | undefined {
  const text = env['PILOT_REGISTRY'];
  if (text === undefined || text === '') return undefined;
  const url = relayUrlOfEndpoint(text);
  if (url !== undefined) return url;
  throw new PilotError('invalid_argument', `PILOT_REGISTRY: expected host:port, found "${text}"`, {
    hint: 'unset it, or name the relay with PILOT_RELAY=ws://host:port',
  });
}

/** The value of one setting as it would stand in a file. PilotError when it has another meaning. */
export function checkedValue(key: string, option: OptionValue, from: string): unknown {
  const setting = CONFIG_SETTINGS.get(key);
  if (setting === undefined) {
    throw new PilotError('invalid_argument', `${from}: ${key} is not a known setting`, {
      hint: unknownKeyHint(key) ?? 'pilotctl config schema lists them all',
    });
  }
  const value = valueOf(setting, option);
  const fault = faultsOf(withValue({}, key, value))[0];
  if (fault !== undefined) throw refused(fault, from);
  return value;
}

function refused(fault: ConfigFault, from: string): PilotError {
  const hint = fault.hint();
  const options = hint === undefined ? {} : { hint };
  return new PilotError('invalid_argument', `${from}: ${fault.key}: ${fault.message}`, options);
}

/** Booleans as pilotctl options have them: `true`, `1` or nothing (pilotctl interface 1.2). */
const BOOLEANS = new Map([
  ...['true', '1', ''].map((word) => [word, true] as const),
  ...['false', '0'].map((word) => [word, false] as const),
]);

function valueOf({ kind }: Setting, option: OptionValue): unknown {
  if (kind === 'list') return itemsOf(option);
  if (typeof option !== 'string') return option;
  if (kind === 'boolean') return BOOLEANS.get(option) ?? option;
  if (kind === 'integer' || kind === 'number') {
    return /^-?\d+(\.\d+)?$/.test(option) ? Number(option) : option;
  }
  return option;
}

function itemsOf(option: OptionValue): unknown {
  if (typeof option === 'boolean') return option;
  const texts = typeof option === 'string' ? option.split(',') : option;
  return texts.map((item) => item.trim()).filter((item) => item !== '');
}
