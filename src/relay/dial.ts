import type { RelayError } from './relay-error.ts';

export interface DialTarget {
  /** `ws://` or `wss://`, with host and port. */
  readonly href: string;
  /** PEM of certificates to trust instead of the system's; undefined: the system's. */
  readonly ca: string | undefined;
  readonly maxFrameBytes: number;
}

export type DialEnd =
  /** It never opened, or broke. */
  | { readonly error: RelayError }
  /** The relay closed it: WebSocket close code and reason. */
  | { readonly closeCode: number; readonly reason: string };

export interface DialHandlers {
  opened(): void;
  /** One binary message. */
  frame(frame: Uint8Array): void;
  /** The last call, once, also after `close` and `terminate`. */
  ended(end: DialEnd): void;
}

export interface DialedSocket {
  /** Sent, but not taken by the network yet. */
  readonly bufferedBytes: number;
  /** In order; nothing happens once it has ended. */
  send(frame: Uint8Array): void;
  /** Says goodbye and ends. */
  close(): void;
  /** Ends without a word. */
  terminate(): void;
}

/** Opens a connection to a relay. Calls no handler before it has returned. The one place where a proxy would come in. */
export type Dial = (target: DialTarget, handlers: DialHandlers) => DialedSocket;
