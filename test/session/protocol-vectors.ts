import { concatBytes, utf8 } from '../../src/base/bytes.ts';
import { encodePortDatagram } from '../../src/daemon/streams/datagrams.ts';
import { Identity } from '../../src/identity/identity.ts';
import { KeyChain } from '../../src/identity/key-chain.ts';
import { SecretKey } from '../../src/identity/secret-key.ts';
import { encodeClose } from '../../src/session/close-frame.ts';
import { CookieIssuer, openCookie } from '../../src/session/cookie.ts';
import { sealEnvelope } from '../../src/session/envelope.ts';
import {
  encodeResume,
  FRAME,
  frameHeadBytes,
  type OutgoingFrame,
  writeFrameHead,
} from '../../src/session/frame.ts';
import {
  decodeCookieReply,
  decodeInitiation,
  encodeCookieReply,
  withMac2,
} from '../../src/session/handshake-packet.ts';
import { encodeResponsePayload } from '../../src/session/handshake-payload.ts';
import { Initiator } from '../../src/session/initiator.ts';
import { IkResponder } from '../../src/session/noise.ts';
import { SendKey } from '../../src/session/packet.ts';
import { PacketWriter } from '../../src/session/packet-writer.ts';
import { type PeerInitiation, Responder } from '../../src/session/responder.ts';
import { SessionCounters } from '../../src/session/session-counters.ts';
import { noisePrologue, staticKeyPair } from '../../src/session/static-key.ts';
import {
  encodeDataFrame,
  encodeStreamFrame,
  type StreamFrameBody,
} from '../../src/session/stream-frame.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** A random source that gives what is written in it, and notices when it is asked for something else. */
function scripted(...values: readonly Uint8Array[]): (length: number) => Uint8Array {
  const left = [...values];
  return (length) => {
    const next = left.shift();
    if (next?.length !== length) throw new Error(`asked for ${length} bytes out of turn`);
    return next;
  };
}

/** `length` bytes that count up from `first`. */
const counting = (first: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => first + i);

function identityOf(seed: Uint8Array): Identity {
  const secret = SecretKey.fromSeed(seed);
  return new Identity(KeyChain.start(secret.publicKey), secret, 0);
}

const ATMS = Date.UTC(2026, 0, 1);

/** Every example of docs/protocol-session.md, by its name there. */
export function protocolVectors(): Record<string, Uint8Array> {
  const clock = new ManualClock(ATMS);
  const seeds = { a: counting(0x00, 32), b: counting(0x20, 32) };
  const a = identityOf(seeds.a);
  const b = identityOf(seeds.b);
  const given = {
    'seed A': seeds.a,
    'seed B': seeds.b,
    'ephemeral A': counting(0x40, 32),
    'ephemeral B': counting(0x60, 32),
    'index A': counting(0x80, 4),
    'index B': counting(0x90, 4),
    'session id': counting(0xa0, 16),
    'batch id': counting(0xb0, 16),
    'cookie secret': counting(0xc0, 32),
    'cookie nonce': counting(0xe0, 16),
  };

  const sentByA: Uint8Array[] = [];
  const initiator = new Initiator({
    identity: () => a,
    clock,
    random: scripted(given['ephemeral A'], given['index A'], given['batch id']),
    send: (packet) => sentByA.push(packet),
    onTimeout: () => undefined,
  });
  initiator.start({
    ...{ remote: b.chain, session: given['session id'], rekey: false },
    ...{ early: [utf8('hello')], windowBytes: 2 ** 22, timeoutMs: 5000 },
    features: ['streams'],
  });
  const initiation = Buffer.from(sentByA[0] ?? []);

  const sentByB: Uint8Array[] = [];
  const issuer = new CookieIssuer(clock, scripted(given['cookie secret'], given['cookie nonce']));
  const responder = new Responder({
    identity: () => b,
    clock,
    random: scripted(given['index B'], given['ephemeral B']),
    counters: new SessionCounters(),
    cookies: issuer,
    source: () => 'source of A',
    isUnderLoad: () => false,
    send: (packet) => sentByB.push(packet),
  });
  const cookieReply = encodeCookieReply(
    issuer.reply(initiation, 'source of A', staticKeyPair(b).publicKey),
  );
  const { mac1 } = decodeInitiation(initiation);
  const cookie = openCookie(decodeCookieReply(cookieReply), mac1, staticKeyPair(b).publicKey);
  const read = responder.read(initiation, a.chain) as PeerInitiation;
  responder.accept(read, { windowBytes: 2 ** 22, features: ['streams'] });
  const response = Buffer.from(sentByB[0] ?? []);
  const keys = read.noise.split();
  const windowBytes = 64 * 1024;
  initiator.cancel();

  return {
    ...given,
    'public key A': a.firstKey,
    'public key B': b.firstKey,
    'static key A': staticKeyPair(a).publicKey,
    'static key B': staticKeyPair(b).publicKey,
    'payload 1': payload1(b, initiation),
    initiation,
    'cookie reply': cookieReply,
    cookie,
    'initiation with cookie': withMac2(initiation, cookie),
    'payload 2': encodeResponsePayload({
      ...{ index: 0x90919293, accept: true, windowBytes: 2 ** 22, features: ['streams'] },
    }),
    response,
    'handshake hash': read.noise.handshakeHash,
    'key A to B': Uint8Array.from(keys.initiatorToResponder),
    'key B to A': Uint8Array.from(keys.responderToInitiator),
    'sealed packet': sealed(Uint8Array.from(keys.initiatorToResponder), 0x90919293),
    OPEN: frame(
      encodeStreamFrame({ kind: 'open', id: 2, port: 7, sourcePort: 50_000, windowBytes }),
    ),
    ACCEPT: frame(encodeStreamFrame({ kind: 'accept', id: 2, windowBytes })),
    DATA: frame(encodeDataFrame(2, 2, (target, offset) => target.write('hi', offset))),
    WINDOW: frame(encodeStreamFrame({ kind: 'window', id: 2, windowBytes: 32 * 1024 })),
    FIN: frame(encodeStreamFrame({ kind: 'fin', id: 2 })),
    RST: frame(encodeStreamFrame({ kind: 'reset', id: 2, code: 'connection_refused' })),
    CLOSE: written(encodeClose()),
    'CLOSE after a violation': written(encodeClose('window_exceeded')),
    DATAGRAM: written({
      ...{ type: FRAME.datagram, sequence: undefined },
      body: encodePortDatagram({ port: 7, sourcePort: 50_000, bytes: utf8('hi') }),
    }),
    envelope: sealEnvelope({
      ...{ identity: a, recipient: b.chain, items: [utf8('hello')], nowMs: ATMS },
      random: scripted(given['batch id'], given['ephemeral A']),
    }),
  };
}

/** What message 1 carries, as the recipient decrypts it. */
function payload1(recipient: Identity, initiation: Buffer): Uint8Array {
  const noise = new IkResponder({
    prologue: noisePrologue('pilot/1', recipient.firstKey),
    static: staticKeyPair(recipient),
  });
  return noise.readMessage1(decodeInitiation(initiation).noise);
}

/** What A sends first: a question, and a message. */
function sealed(key: Uint8Array, receiver: number): Uint8Array {
  const frames: OutgoingFrame[] = [
    encodeResume({
      ...{ wantsAnswer: true, wantsFrames: false, isAnswer: false },
      ...{ next: 0, windowBytes: 2 ** 22 },
    }),
    { type: 0x80, sequence: 0, body: utf8('hi') },
  ];
  const send = new SendKey(key, receiver);
  let packet = new Uint8Array(0);
  const writer = new PacketWriter((parts, length) => {
    packet = Uint8Array.from(send.seal(parts, length));
  });
  for (const frame of frames) writer.add(frame);
  writer.end();
  return packet;
}

/** A frame of a stream as the first reliable one of a session. */
function frame(made: StreamFrameBody): Uint8Array {
  return written({ ...made, sequence: 0 });
}

function written(whole: OutgoingFrame): Uint8Array {
  const head = Buffer.alloc(frameHeadBytes(whole));
  writeFrameHead(head, 0, whole);
  return concatBytes(head, whole.body);
}
