import { randomBytes } from 'node:crypto';

import { expect, onTestFinished, test } from 'vitest';

import { systemClock } from '../../../src/base/system-clock.ts';
import type { UnderlayChannel } from '../../../src/daemon/paths/underlay.ts';
import { WebRtcChannels } from '../../../src/daemon/paths/webrtc-channels.ts';
import { until } from '../links/until.ts';
import { PROGRAM } from '../links/webrtc-pair.ts';

/** By which the two see each other; what one sends from `v4` comes to the other's. */
const THERE = { host: '192.0.2.1', port: 4000 };

/** One of two nodes whose sockets reach each other. */
class Node {
  readonly packets: string[] = [];
  readonly ends: string[] = [];
  readonly channels: WebRtcChannels;
  peer: Node | undefined;

  constructor() {
    this.channels = new WebRtcChannels({
      ...{ clock: systemClock, random: randomBytes, program: PROGRAM },
      send: (bytes) => {
        const copy = Buffer.from(bytes);
        setImmediate(() => this.peer?.channels.receive(copy, 'v4', THERE));
      },
    });
    onTestFinished(async () => this.channels.close());
  }

  async open(isClient: boolean): Promise<{
    channel: UnderlayChannel;
    fingerprint: string;
    isOpen: () => boolean;
  }> {
    let [fingerprint, isOpen] = ['', false];
    const channel = this.channels.open(isClient, {
      described: (text) => (fingerprint = text),
      opened: () => (isOpen = true),
      packet: (packet) => this.packets.push(Buffer.from(packet).toString()),
      closed: (reason) => this.ends.push(reason),
    });
    await until('a certificate', () => fingerprint !== '');
    return { channel, fingerprint, isOpen: () => isOpen };
  }
}

test('a channel that is given up leaves the one over the same pair as it was', async () => {
  const [alice, bob] = [new Node(), new Node()];
  alice.peer = bob;
  bob.peer = alice;
  const [ours, theirs] = await Promise.all([alice.open(true), bob.open(false)]);
  ours.channel.accept(theirs.fingerprint);
  theirs.channel.accept(ours.fingerprint);
  theirs.channel.use('v4', THERE);
  ours.channel.use('v4', THERE);
  await until('both are open', () => ours.isOpen() && theirs.isOpen());

  // The controlled side uses the pair first; then the other one says that it is no better.
  const again = await bob.open(false);
  again.channel.use('v4', THERE);
  ours.channel.send(Buffer.from('meanwhile'));
  await until('it is there', () => bob.packets.length === 1);
  await again.channel.close();
  ours.channel.send(Buffer.from('afterwards'));
  theirs.channel.send(Buffer.from('back'));
  await until('they are there', () => bob.packets.length === 2 && alice.packets.length === 1);
  expect([bob.packets, alice.packets]).toEqual([['meanwhile', 'afterwards'], ['back']]);
  expect([...alice.ends, ...bob.ends]).toEqual([]);
});
