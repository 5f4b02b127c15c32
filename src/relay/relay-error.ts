/**
 * Why something with a relay failed. Callers branch on `code`.
 *
 * While connecting: `refused` `dns` `unreachable` `timeout` `certificate` `protocol` (it is no relay)
 * `wrong_relay` (not the pinned key, or it cannot prove its key) `version` `auth_required` `not_allowed`
 * `stale_key` (the relay knows a newer key of ours) `login_refused` `duplicate` `busy`.
 * A connection that ended: `lost` `going_away` `replaced` `slow_receiver` `stopped`.
 * Requests: `offline` `timeout` `mailbox_full` `too_large` `expired` `rate_limited` `unavailable`
 * `stale_record` `bad_record`.
 */
export type RelayErrorCode =
  | 'refused'
  | 'dns'
  | 'unreachable'
  | 'timeout'
  | 'certificate'
  | 'protocol'
  | 'wrong_relay'
  | 'version'
  | 'auth_required'
  | 'not_allowed'
  | 'stale_key'
  | 'login_refused'
  | 'duplicate'
  | 'busy'
  | 'lost'
  | 'going_away'
  | 'replaced'
  | 'slow_receiver'
  | 'stopped'
  | 'offline'
  | 'mailbox_full'
  | 'too_large'
  | 'expired'
  | 'rate_limited'
  | 'unavailable'
  | 'stale_record'
  | 'bad_record';

export class RelayError extends Error {
  override readonly name = 'RelayError';
  readonly code: RelayErrorCode;
  /** What to do about it, for people; undefined where waiting is all there is to do. */
  readonly hint: string | undefined;

  constructor(
    code: RelayErrorCode,
    message: string,
    options: { hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}
