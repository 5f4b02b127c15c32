import type { DataChannel, PeerConnection } from 'node-datachannel';
import nodeDataChannel from 'node-datachannel';

import { describeError } from '../../base/pilot-error.ts';
import type { ChannelEvents } from './webrtc-pipe.ts';

/** Two round trips of a fast path; the rest waits here, where it can be counted. */
const MAX_NATIVE_BYTES = 512 * 1024;
const LOW_NATIVE_BYTES = 128 * 1024;
/** As many as the library checks. */
const MAX_CANDIDATES = 30;
/** A round trip of most paths; where the answering side cannot get through alone, it costs so much. */
const HOLD_MS = 250;
const LABEL = 'pilot';

/**
 * One PeerConnection with one data channel. Nothing may be thrown out of a callback of the library: it
 * ends the process.
 */
export class WebRtcChannel {
  readonly #role: string;
  readonly #events: ChannelEvents;
  readonly #peer: PeerConnection;
  #channel: DataChannel | undefined;
  #waiting: Uint8Array[] = [];
  /** Before the remote description they would throw. */
  #earlyCandidates: string[] | undefined = [];
  /**
   * Our own that the peer has not been told. The answering side is to be through with ICE first, because it
   * waits for the other's DTLS; and not before the offering side has the answer, or DTLS begins there when
   * the answer's fingerprint is half read, and fails (2 of 100). So the offering side tells its candidates
   * when it has the answer, and the answering side when it is through, or after `HOLD_MS`.
   */
  #heldCandidates: string[] | undefined = [];
  #isClosed = false;

  constructor(name: string, options: { role: string; bindAddress: string }, events: ChannelEvents) {
    this.#role = options.role;
    this.#events = events;
    // No STUN server: a dead one would hold up gathering. Candidates come by the session.
    this.#peer = new nodeDataChannel.PeerConnection(name, {
      iceServers: [],
      ...(options.bindAddress !== '' && { bindAddress: options.bindAddress }),
    });
    this.#listen();
    if (options.role === 'offer') this.#use(this.#peer.createDataChannel(LABEL));
  }

  setDescription(sdp: string): void {
    this.#guard(() => {
      if (this.#role === 'offer') this.#peer.setRemoteDescription(sdp, 'answer');
      else this.#peer.setRemoteDescription(asServer(sdp), 'offer');
      const early = this.#earlyCandidates ?? [];
      this.#earlyCandidates = undefined;
      for (const line of early) this.#peer.addRemoteCandidate(line, '0');
      if (this.#role === 'offer') this.#releaseCandidates();
      else this.#releaseLater();
    });
  }

  addCandidate(line: string): void {
    this.#guard(() => {
      if (this.#earlyCandidates === undefined) this.#peer.addRemoteCandidate(line, '0');
      else if (this.#earlyCandidates.length < MAX_CANDIDATES) this.#earlyCandidates.push(line);
    });
  }

  send(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#guard(() => {
      this.#flush();
    });
  }

  close(reason = 'closed'): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting = [];
    this.#events.closed(reason);
    try {
      this.#channel?.close();
      this.#peer.close();
    } catch {
      // it was closed already
    }
  }

  #releaseLater(): void {
    setTimeout(() => {
      this.#guard(() => {
        this.#releaseCandidates();
      });
    }, HOLD_MS);
  }

  #releaseCandidates(): void {
    const held = this.#heldCandidates ?? [];
    this.#heldCandidates = undefined;
    for (const line of held) this.#events.candidate(line);
  }

  #listen(): void {
    this.#peer.onIceStateChange((state) => {
      if (state !== 'connected' && state !== 'completed') return;
      this.#guard(() => {
        this.#releaseCandidates();
      });
    });
    this.#peer.onLocalDescription((sdp) => {
      this.#guard(() => {
        this.#events.description(sdp);
      });
    });
    this.#peer.onLocalCandidate((line) => {
      this.#guard(() => {
        if (this.#heldCandidates === undefined) this.#events.candidate(line);
        else if (this.#heldCandidates.length < MAX_CANDIDATES) this.#heldCandidates.push(line);
      });
    });
    this.#peer.onStateChange((state) => {
      if (state === 'failed' || state === 'closed') this.close(state);
    });
    this.#peer.onDataChannel((channel) => {
      this.#guard(() => {
        if (this.#channel === undefined) this.#use(channel);
        else channel.close();
      });
    });
  }

  #use(channel: DataChannel): void {
    this.#channel = channel;
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
    const opened = (): void => {
      this.#guard(() => {
        this.#events.opened();
        this.#flush();
      });
    };
    if (channel.isOpen()) opened();
    else channel.onOpen(opened);
  }

  #flush(): void {
    const channel = this.#channel;
    if (channel?.isOpen() !== true) return;
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

/**
 * The offer as if its sender were the DTLS client (RFC 8842, 5.3), so that we are the server. With the
 * roles the library chooses, a third of the connects lose the client's first flight and a second with it.
 */
function asServer(offer: string): string {
  return offer.replaceAll('a=setup:actpass', 'a=setup:active');
}

function asBytes(message: Buffer | ArrayBuffer): Uint8Array {
  return message instanceof ArrayBuffer ? new Uint8Array(message) : message;
}
