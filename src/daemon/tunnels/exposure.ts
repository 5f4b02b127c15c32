import type { ExposedService } from '../../client/api.ts';
import type { ExposeRule } from './tunnel-rule.ts';

/** A service of this host while it is offered to peers. */
export interface Exposure extends Pick<ExposedService, 'connections' | 'error'> {
  readonly rule: ExposeRule;
  /** PilotError `already_exists`: somebody has the port. */
  open(): void;
  /** Ends what goes through it. */
  close(): void;
}

/** Empty list: every node that is trusted. That it is has been seen to when something of it arrives. */
export function isAllowed({ allow }: ExposeRule, peer: string): boolean {
  return allow.length === 0 || allow.includes(peer);
}
