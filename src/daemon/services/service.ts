import type { Config } from '../../home/config.ts';

/** As the configuration calls them (`services`). */
export type ServiceName = keyof Config['services'];

/** Something that this node offers on a virtual port to the nodes it trusts. It listens from the moment it is made. */
export interface Service {
  /** Resolves when the port is free and what was under way has ended. Called once. */
  stop(): void | Promise<void>;
}
