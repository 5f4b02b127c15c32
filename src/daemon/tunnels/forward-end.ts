/** The end of a forward on this host. */
export interface ForwardEnd {
  readonly connections: number;
  /** Why the last connection came to nothing; empty when it did not. */
  readonly error: string;
  /** Where it listens, once it does. */
  readonly port: number;
  /** PilotError says why it cannot listen; it may be called again then. */
  open(): Promise<void>;
  /** Ends what goes through it. */
  close(): void;
}
