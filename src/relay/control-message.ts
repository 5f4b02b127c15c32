/** What relay and node say to each other; control.ts puts it into bytes. */

/** What a relay answers to a request. Codes that a reader does not know are failures. */
export const REPLY_CODES = [
  'ok',
  'stored',
  'address_taken',
  'hostname_taken',
  'stale_record',
  'bad_record',
  'mailbox_full',
  'too_large',
  'expired',
  'rate_limited',
  'unavailable',
] as const;
export type ReplyCode = (typeof REPLY_CODES)[number];

/** Why a relay ends a connection: in `error` and as the WebSocket close reason. */
export const ERROR_CODES = [
  'version',
  'bad_login',
  'bad_signature',
  'stale_key',
  'auth_required',
  'not_allowed',
  'duplicate_login',
  'replaced',
  'rate_limited',
  'protocol',
  'slow_receiver',
  'silent',
  'going_away',
  'unavailable',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export type NoticeCode = 'duplicate_login' | 'rate_limited' | 'watch_full' | 'going_away';

export interface Challenge {
  readonly t: 'challenge';
  /** The newest and the oldest version that the relay speaks. */
  readonly version: number;
  readonly oldest: number;
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

export interface Login {
  readonly t: 'login';
  readonly version: number;
  readonly chain: Uint8Array;
  readonly nonce: Uint8Array;
  readonly signature: Uint8Array;
  /** Random, the same for as long as the node's process lives: tells a reconnect from a second node. */
  readonly instance: Uint8Array;
  /** Proof of knowing an access token (login.ts), not the token. */
  readonly token: Uint8Array | undefined;
}

export interface WelcomeLimits {
  readonly frameBytes: number;
  readonly bodyBytes: number;
  readonly watch: number;
}

export interface Welcome {
  readonly t: 'welcome';
  readonly signature: Uint8Array;
  readonly limits: WelcomeLimits;
  /** Where it answers STUN, at the host that the node dialled. */
  readonly stunPort?: number | undefined;
  readonly timeMs: number;
}

export type LookupKey =
  { readonly key: Uint8Array } | { readonly node: number } | { readonly hostname: string };

export type Request =
  | { readonly t: 'publish'; readonly n: number; readonly record: Uint8Array }
  | { readonly t: 'lookup'; readonly n: number; readonly by: LookupKey }
  | {
      readonly t: 'put';
      readonly n: number;
      readonly to: Uint8Array;
      readonly id: Uint8Array;
      readonly expiresAtMs: number;
      readonly body: Uint8Array;
    }
  | { readonly t: 'ping'; readonly n: number };

export interface Watch {
  readonly t: 'watch';
  readonly add: readonly Uint8Array[];
  readonly remove: readonly Uint8Array[];
}

export interface Taken {
  readonly t: 'taken';
  readonly from: Uint8Array;
  readonly id: Uint8Array;
}

export interface Reply {
  readonly t: 'reply';
  readonly n: number;
  readonly code: string;
  readonly record?: Uint8Array | undefined;
}

export interface Envelope {
  readonly t: 'envelope';
  readonly id: Uint8Array;
  readonly from: Uint8Array;
  /** When the relay stored it. */
  readonly atMs: number;
  readonly body: Uint8Array;
}

export type NodeMessage = Login | Request | Watch | Taken;
export type RelayMessage =
  | Challenge
  | Welcome
  | Reply
  | Envelope
  | { readonly t: 'presence'; readonly key: Uint8Array; readonly online: boolean }
  | { readonly t: 'notice'; readonly code: string }
  | { readonly t: 'error'; readonly code: string };
