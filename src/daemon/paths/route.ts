import type { Link } from '../../session/link.ts';

/** A relay at which a peer is now, and we are. */
export interface Route {
  readonly url: string;
  readonly link: Link;
}
