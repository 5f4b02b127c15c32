/** What the configuration says of paths to peers. */
export interface PathSettings {
  /** A session without a direct path is an alarm (`nat_traversal: required`). */
  readonly isDirectRequired: boolean;
  /** False: a relay carries what it takes to find a direct path, and no messages (`relay_fallback`). */
  readonly mayRelay: boolean;
  /** A path in use is left alone until it fails (`topology: static`). */
  readonly isStatic: boolean;
  /** A path that is slower for a while is an alarm. */
  readonly maxLatencyMs: number;
}
