import path from 'node:path';

import type { Clock } from '../../../src/base/clock.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { WebRtcLink } from '../../../src/daemon/links/webrtc-link.ts';
import { WebRtcProcess } from '../../../src/daemon/links/webrtc-process.ts';
import { seededRandom } from '../../support/seeded-random.ts';

/** As built for the daemon. */
export const PROGRAM = path.resolve('dist/webrtc-child.js');
let ends = 0;

export function newProcess(clock: Clock = systemClock): WebRtcProcess {
  return new WebRtcProcess(clock, PROGRAM);
}

/** One end. Its certificate goes to `peer` when there is one, and so does DTLS once the peer is reached. */
export class WebRtcEnd {
  readonly link: WebRtcLink;
  readonly packets: Uint8Array[] = [];
  readonly ends: string[] = [];
  readonly fingerprints: string[] = [];
  readonly opened: Promise<void>;
  peer: WebRtcEnd | undefined;
  onPacket: (packet: Uint8Array) => void = (packet) => this.packets.push(packet);
  /** What happens to the datagrams on their way. */
  carries: (dtls: Uint8Array) => boolean = () => true;

  constructor(process: WebRtcProcess, isClient: boolean, clock: Clock = systemClock) {
    let onOpened: () => void = () => undefined;
    let onClosed: (error: Error) => void = () => undefined;
    this.opened = new Promise((resolve, reject) => {
      onOpened = resolve;
      onClosed = reject;
    });
    this.opened.catch(() => undefined);
    this.link = new WebRtcLink({
      ...{ process, clock, isClient, random: seededRandom(++ends) },
      handlers: {
        described: (fingerprint) => {
          this.fingerprints.push(fingerprint);
          this.peer?.link.accept(fingerprint);
        },
        opened: onOpened,
        packet: (packet) => {
          this.onPacket(packet);
        },
        closed: (reason, detail) => {
          this.ends.push(reason);
          onClosed(new Error(`${reason}: ${detail}`));
        },
      },
    });
  }

  /** There is a way to the peer. */
  reach(): void {
    this.link.use((dtls) => {
      if (this.carries(dtls)) this.peer?.link.receive(dtls);
    });
  }
}

/** Two ends that have heard of each other; no way between them. */
export function twoEnds(alices: WebRtcProcess, bobs: WebRtcProcess): [WebRtcEnd, WebRtcEnd] {
  const [alice, bob] = [new WebRtcEnd(alices, true), new WebRtcEnd(bobs, false)];
  alice.peer = bob;
  bob.peer = alice;
  return [alice, bob];
}

export async function connectedEnds(
  alices: WebRtcProcess,
  bobs: WebRtcProcess,
): Promise<[WebRtcEnd, WebRtcEnd]> {
  const [alice, bob] = twoEnds(alices, bobs);
  alice.reach();
  bob.reach();
  await Promise.all([alice.opened, bob.opened]);
  return [alice, bob];
}
