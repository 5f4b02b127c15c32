import type { DataChannel, PeerConnection } from 'node-datachannel';
import nodeDataChannel from 'node-datachannel';

import { describeError } from '../../base/pilot-error.ts';
import type { ChannelEvents } from './webrtc-pipe.ts';

/** Two round trips of a fast path; the rest waits here, where it can be counted. */
const MAX_NATIVE_BYTES = 512 * 1024;
const LOW_NATIVE_BYTES = 128 * 1024;
/** How long what was sent last has to reach the peer: a round trip of most paths. */
const LINGER_MS = 250;
/** Over a path that takes nothing any more. */
const END_TIMEOUT_MS = 1000;
/** So long the library needs, in threads of its own, to tell the peer of the end: then the way to it may go. */
const FAREWELL_MS = 100;
const LABEL = 'pilot';

/**
 * One PeerConnection with one data channel, which both sides know beforehand (RFC 8832, 4: negotiated, id 0).
 * Nothing may be thrown out of a callback of the library: it ends the process.
 */
export class WebRtcChannel {
  readonly #events: ChannelEvents;
  readonly #peer: PeerConnection;
  readonly #channel: DataChannel;
  #waiting: Uint8Array[] = [];
  #isEnding = false;
  #isClosed = false;

  constructor(name: string, events: ChannelEvents) {
    this.#events = events;
    // ICE is the daemon's, whose bridge on loopback is all that the library sees of the world; no STUN
    // server, or gathering would wait for it.
    this.#peer = new nodeDataChannel.PeerConnection(name, {
      iceServers: [],
      bindAddress: '127.0.0.1',
    });
    this.#listen();
    this.#channel = this.#peer.createDataChannel(LABEL, { negotiated: true, id: 0 });
    this.#use(this.#channel);
  }

  /** The peer's, as the answer to ours. */
  setDescription(sdp: string): void {
    this.#guard(() => {
      this.#peer.setRemoteDescription(sdp, 'answer');
    });
  }

  send(bytes: Uint8Array): void {
    if (this.#isEnding) return;
    this.#waiting.push(bytes);
    this.#guard(() => {
      this.#flush();
    });
  }

  /** Closes when what was sent has had time to arrive. */
  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#guard(() => {
      if (!this.#channel.isOpen()) {
        this.close();
        return;
      }
      this.#closeIn(END_TIMEOUT_MS);
      this.#flush();
    });
  }

  close(reason = 'closed'): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting = [];
    try {
      this.#channel.close();
      this.#peer.close();
    } catch {
      // it was closed already
    }
    setTimeout(() => {
      this.#events.closed(reason);
    }, FAREWELL_MS);
  }

  #listen(): void {
    this.#peer.onLocalDescription((sdp) => {
      this.#guard(() => {
        this.#events.description(sdp);
      });
    });
    this.#peer.onIceStateChange((state) => {
      if (state !== 'connected' && state !== 'completed') return;
      this.#guard(() => {
        this.#events.ready();
      });
    });
    this.#peer.onStateChange((state) => {
      if (state === 'failed' || state === 'closed') this.close(state);
    });
    this.#peer.onDataChannel((channel) => {
      // Nobody has agreed on another one.
      this.#guard(() => {
        channel.close();
      });
    });
  }

  #use(channel: DataChannel): void {
    channel.setBufferedAmountLowThreshold(LOW_NATIVE_BYTES);
    channel.onBufferedAmountLow(() => {
      this.#guard(() => {
        this.#flush();
      });
    });
    channel.onMessage((message) => {
      this.#guard(() => {
        this.#events.data(typeof message === 'string' ? Buffer.from(message) : asBytes(message));
      });
    });
    channel.onClosed(() => {
      this.close();
    });
    channel.onError((error) => {
      this.close(error);
    });
    channel.onOpen(() => {
      this.#guard(() => {
        this.#events.opened();
        this.#flush();
      });
    });
  }

  #flush(): void {
    const channel = this.#channel;
    if (!channel.isOpen()) return;
    let sentBytes = 0;
    let count = 0;
    for (const bytes of this.#waiting) {
      if (channel.bufferedAmount() >= MAX_NATIVE_BYTES) break;
      // False means queued by the library.
      channel.sendMessageBinary(bytes);
      sentBytes += bytes.length;
      count += 1;
    }
    this.#waiting.splice(0, count);
    if (sentBytes > 0) this.#events.sent(sentBytes);
    if (this.#isEnding && this.#waiting.length === 0) this.#closeIn(LINGER_MS);
  }

  #closeIn(ms: number): void {
    setTimeout(() => {
      this.close();
    }, ms);
  }

  #guard(run: () => void): void {
    if (this.#isClosed) return;
    try {
      run();
    } catch (error) {
      this.close(describeError(error));
    }
  }
}

function asBytes(message: Buffer | ArrayBuffer): Uint8Array {
  return message instanceof ArrayBuffer ? new Uint8Array(message) : message;
}
