import path from 'node:path';

import type { Clock } from '../../../src/base/clock.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { WebRtcLink } from '../../../src/daemon/links/webrtc-link.ts';
import { WebRtcProcess } from '../../../src/daemon/links/webrtc-process.ts';

/** As built for the daemon. */
export const PROGRAM = path.resolve('dist/webrtc-child.js');

export function newProcess(clock: Clock = systemClock): WebRtcProcess {
  return new WebRtcProcess(clock, PROGRAM);
}

/** One end; what it says to the peer goes to `peer` once there is one. */
export class WebRtcEnd {
  readonly link: WebRtcLink;
  readonly packets: Uint8Array[] = [];
  readonly ends: string[] = [];
  readonly descriptions: string[] = [];
  readonly opened: Promise<void>;
  peer: WebRtcEnd | undefined;
  onPacket: (packet: Uint8Array) => void = (packet) => this.packets.push(packet);

  constructor(process: WebRtcProcess, role: 'offer' | 'answer', clock: Clock = systemClock) {
    let onOpened: () => void = () => undefined;
    let onClosed: (error: Error) => void = () => undefined;
    this.opened = new Promise((resolve, reject) => {
      onOpened = resolve;
      onClosed = reject;
    });
    this.opened.catch(() => undefined);
    this.link = new WebRtcLink({
      ...{ process, clock, role, bindAddress: '127.0.0.1' },
      handlers: {
        description: (sdp) => {
          this.descriptions.push(sdp);
          this.peer?.link.setDescription(sdp);
        },
        candidate: (line) => this.peer?.link.addCandidate(line),
        opened: onOpened,
        packet: (packet) => {
          this.onPacket(packet);
        },
        closed: (reason) => {
          this.ends.push(reason);
          onClosed(new Error(reason));
        },
      },
    });
  }
}

/** Two ends that have each other's descriptions and candidates as they come. */
export function twoEnds(alices: WebRtcProcess, bobs: WebRtcProcess): [WebRtcEnd, WebRtcEnd] {
  const bob = new WebRtcEnd(bobs, 'answer');
  const alice = new WebRtcEnd(alices, 'offer');
  alice.peer = bob;
  bob.peer = alice;
  return [alice, bob];
}

export async function connectedEnds(
  alices: WebRtcProcess,
  bobs: WebRtcProcess,
): Promise<[WebRtcEnd, WebRtcEnd]> {
  const [alice, bob] = twoEnds(alices, bobs);
  await Promise.all([alice.opened, bob.opened]);
  return [alice, bob];
}
