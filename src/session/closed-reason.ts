/**
 * - `handshake_timeout`: the peer did not answer, or not in time for new keys
 * - `dead`: it does not answer any more, or there has been no link for too long
 * - `replaced`: it began a new session, which is open already; `opened` follows
 * - `peer_closed`: it ended the session, or does not know it any more
 * - `local`: `close` or `restart` was called
 * - `violation`: it sent, authentically, what no sound peer sends
 */
export type ClosedReason =
  'handshake_timeout' | 'dead' | 'replaced' | 'peer_closed' | 'local' | 'violation';
