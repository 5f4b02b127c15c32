/**
 * What the Noise messages carry, in CBOR (the subset of `base/cbor.ts`). Unknown members are ignored.
 *
 *     message 1   index     the sender index of the packet, so that nobody can change it
 *                 chain     the initiator's key chain
 *                 session   16 random bytes that name the session
 *                 rekey     true: new keys for that session
 *                 at        milliseconds since the Unix epoch
 *                 window    how many unacknowledged bytes may be under way to the sender
 *                 batch     early data, optional
 *     message 2   index     as in message 1
 *                 accept    true or false
 *                 window    when true: as in message 1
 *                 code      when false: why
 *     both        features  texts: abilities beyond version 1: `streams`
 *
 * `at` orders initiations of one peer (a replayed one must not push out a newer one) and nothing else:
 * clocks need not agree.
 */
import { encodeCbor } from '../base/cbor.ts';
import { CborFields } from '../base/cbor-fields.ts';
import { WireError } from '../base/wire-error.ts';
import { MAX_KEY_CHAIN_BYTES } from '../identity/key-chain.ts';
import { MAX_HANDSHAKE_BYTES } from './handshake-packet.ts';

export const SESSION_ID_BYTES = 16;
const MAX_CODE_CHARACTERS = 64;
const MAX_FEATURES = 32;
const MAX_WINDOW_BYTES = 2 ** 32 - 1;

export interface InitiationPayload {
  readonly index: number;
  readonly chain: Uint8Array;
  readonly session: Uint8Array;
  readonly rekey: boolean;
  readonly atMs: number;
  readonly windowBytes: number;
  readonly batch: Uint8Array | undefined;
  readonly features: readonly string[];
}

export function encodeInitiationPayload(payload: InitiationPayload): Uint8Array {
  const { atMs, windowBytes, ...named } = payload;
  return encodeCbor({ ...named, at: atMs, window: windowBytes });
}

export function decodeInitiationPayload(bytes: Uint8Array): InitiationPayload {
  const fields = CborFields.decode(bytes);
  return {
    index: fields.count('index'),
    chain: fields.bytes('chain', { atMost: MAX_KEY_CHAIN_BYTES }),
    session: fields.bytes('session', { exactly: SESSION_ID_BYTES }),
    rekey: fields.has('rekey') && fields.flag('rekey'),
    atMs: fields.count('at'),
    windowBytes: readWindow(fields),
    batch: fields.has('batch') ? fields.bytes('batch', { atMost: MAX_HANDSHAKE_BYTES }) : undefined,
    features: readFeatures(fields),
  };
}

export type ResponsePayload =
  | {
      readonly index: number;
      readonly accept: true;
      readonly windowBytes: number;
      readonly features: readonly string[];
    }
  | { readonly index: number; readonly accept: false; readonly code: string };

export function encodeResponsePayload(payload: ResponsePayload): Uint8Array {
  const { index, accept } = payload;
  return payload.accept
    ? encodeCbor({ index, accept, window: payload.windowBytes, features: payload.features })
    : encodeCbor({ index, accept, code: payload.code, features: [] });
}

export function decodeResponsePayload(bytes: Uint8Array): ResponsePayload {
  const fields = CborFields.decode(bytes);
  const index = fields.count('index');
  const features = readFeatures(fields);
  if (fields.flag('accept')) {
    return { index, accept: true, windowBytes: readWindow(fields), features };
  }
  return { index, accept: false, code: readCode(fields) };
}

function readWindow(fields: CborFields): number {
  const windowBytes = fields.count('window');
  if (windowBytes > MAX_WINDOW_BYTES) throw new WireError('window too large');
  return windowBytes;
}

/** A refusal code ends in logs and on screens: it is a plain name. */
function readCode(fields: CborFields): string {
  const code = fields.text('code', { atMost: MAX_CODE_CHARACTERS });
  if (!/^[a-z][a-z0-9_]*$/.test(code)) throw new WireError('not a refusal code');
  return code;
}

function readFeatures(fields: CborFields): readonly string[] {
  if (!fields.has('features')) return [];
  return fields.list('features', { atMost: MAX_FEATURES }).map((feature) => {
    if (typeof feature !== 'string') throw new WireError('a feature is not text');
    return feature;
  });
}
