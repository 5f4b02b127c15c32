/** One effective setting and where it came from. */
export interface ConfigEntry {
  readonly key: string;
  readonly value: unknown;
  readonly origin: 'default' | 'file' | 'environment' | 'flag';
}

export interface ConfigList {
  readonly entries: readonly ConfigEntry[];
  /** The file that was read, also when it does not exist. */
  readonly config_path: string;
}
