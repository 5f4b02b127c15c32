import { expect, test } from 'vitest';

import { WireError } from '../../../src/base/wire-error.ts';
import { answerTo, readDescription } from '../../../src/daemon/links/webrtc-sdp.ts';

const FINGERPRINT = '00112233445566778899aabbccddeeff'.repeat(2);
const OFFER = [
  'v=0',
  'o=rtc 1705343344 0 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  `a=fingerprint:sha-256 ${FINGERPRINT.toUpperCase().replace(/..(?!$)/g, '$&:')}`,
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'a=setup:actpass',
  'a=ice-ufrag:YOk2',
  'a=ice-pwd:2Fyg9IzwRCFL7+YwuyEIKa',
  '',
].join('\r\n');

test('what an offer says', () => {
  expect(readDescription(OFFER)).toEqual({
    fingerprint: FINGERPRINT,
    credentials: { ufrag: 'YOk2', password: '2Fyg9IzwRCFL7+YwuyEIKa' },
  });
});

test.each(['a=fingerprint', 'a=ice-ufrag', 'a=ice-pwd'])('without %s', (name) => {
  const lines = OFFER.split('\r\n').filter((line) => !line.startsWith(name));
  expect(() => readDescription(lines.join('\r\n'))).toThrow(WireError);
});

test.each([
  ['another hash', 'sha-256', 'sha-1'],
  ['a short fingerprint', ':FF', ''],
  ['a password that is none', '2Fyg9IzwRCFL7+YwuyEIKa', 'short'],
])('with %s', (_what, from, to) => {
  expect(() => readDescription(OFFER.replaceAll(from, to))).toThrow(WireError);
});

test.each([
  [true, 'active'],
  [false, 'passive'],
])('the answer of a peer whose DTLS is the client’s (%s)', (isClient, setup) => {
  const credentials = { ufrag: 'abcd', password: 'abcdefghijklmnopqrstuvwx' };
  const endpoint = { host: '127.0.0.1', port: 4567 };
  const answer = answerTo({ fingerprint: FINGERPRINT, isClient, credentials, endpoint });
  expect(readDescription(answer)).toEqual({ fingerprint: FINGERPRINT, credentials });
  expect(answer).toContain(`\r\na=setup:${setup}\r\n`);
  expect(answer).toContain('\r\na=candidate:1 1 UDP 2130706431 127.0.0.1 4567 typ host\r\n');
});
