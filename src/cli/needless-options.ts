import { toggle } from './option.ts';

/**
 * What newer clients say to every command with a target (pilotctl interface 1.7). It is so here in any case: trust
 * is asked for by `handshake` alone, one session carries everything, and what is sent twice arrives once.
 */
export const needlessOptions = {
  noAutoHandshake: toggle('needless'),
  noResend: toggle('needless'),
  reuseConn: toggle('needless'),
  trace: toggle('needless'),
};
