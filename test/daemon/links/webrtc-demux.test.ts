import { expect, test } from 'vitest';

import { isDtls, WebRtcDemux } from '../../../src/daemon/links/webrtc-demux.ts';

const here = { host: '192.0.2.1', port: 4000 };

function datagram(first: number): Uint8Array {
  return Uint8Array.of(first, 1, 2);
}

test('DTLS is what begins with 20 to 63 (RFC 7983)', () => {
  const firsts = Array.from({ length: 256 }, (_, first) => first);
  const dtls = firsts.filter((first) => isDtls(datagram(first)));
  expect([dtls[0], dtls.at(-1), dtls.length]).toEqual([20, 63, 44]);
  expect(isDtls(new Uint8Array())).toBe(false);
});

test('goes to whom the socket and the sender belong, until that is over', () => {
  const demux = new WebRtcDemux();
  const heard: Uint8Array[] = [];
  const cancel = demux.register('v4', here, (bytes) => heard.push(bytes));
  expect(demux.receive(datagram(0), 'v4', here)).toBe(false);
  expect(demux.receive(datagram(22), 'v4', here)).toBe(true);
  expect(demux.receive(datagram(22), 'v6', here)).toBe(true);
  expect(demux.receive(datagram(22), 'v4', { ...here, port: 4001 })).toBe(true);
  expect(heard).toEqual([datagram(22)]);
  cancel();
  expect(demux.receive(datagram(23), 'v4', here)).toBe(true);
  expect(heard).toHaveLength(1);
});

test('two owners of a pair hear the same, and the end of one is not that of the other', () => {
  const demux = new WebRtcDemux();
  const heard: string[] = [];
  const hear = (): string[] => {
    heard.length = 0;
    demux.receive(datagram(22), 'v4', here);
    return heard;
  };
  const cancelFirst = demux.register('v4', here, () => heard.push('first'));
  const cancelSecond = demux.register('v4', here, () => heard.push('second'));
  expect(hear()).toEqual(['first', 'second']);
  cancelSecond();
  expect(hear()).toEqual(['first']);
  cancelFirst();
  demux.register('v4', here, () => heard.push('third'));
  cancelFirst();
  expect(hear()).toEqual(['third']);
});
