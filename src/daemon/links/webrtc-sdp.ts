/**
 * The few facts of a session description (RFC 8866) that two ends of a data channel have to know of each
 * other. Nothing that a peer wrote is ever put into a description but its fingerprint, 32 bytes.
 */
import type { Endpoint } from '../../base/endpoint.ts';
import { WireError } from '../../base/wire-error.ts';
import { areIceCredentials, type IceCredentials } from '../../ice/check-message.ts';

/** SHA-256 of a DTLS certificate (RFC 8122, 5) in hexadecimal digits, lower case. */
export type Fingerprint = string;

export interface LocalDescription {
  readonly credentials: IceCredentials;
  readonly fingerprint: Fingerprint;
}

export interface RemoteDescription {
  readonly fingerprint: Fingerprint;
  /** The peer begins DTLS (RFC 8842, 5.3). */
  readonly isClient: boolean;
  /** Where its ICE is, as the library is to believe. */
  readonly credentials: IceCredentials;
  readonly endpoint: Endpoint;
}

const FINGERPRINT_BYTES = 32;

/** What the library wrote. WireError when it lacks what we need. */
export function readDescription(sdp: string): LocalDescription {
  const lines = sdp.split(/\r?\n/);
  const valueOf = (name: string): string => {
    const line = lines.find((one) => one.startsWith(`a=${name}:`));
    if (line === undefined) throw new WireError(`no ${name} in the description`);
    return line.slice(`a=${name}:`.length).trim();
  };
  const credentials = { ufrag: valueOf('ice-ufrag'), password: valueOf('ice-pwd') };
  if (!areIceCredentials(credentials)) throw new WireError('no ICE credentials');
  const [hash, hex = ''] = valueOf('fingerprint').split(' ');
  const fingerprint = hex.replaceAll(':', '').toLowerCase();
  if (hash !== 'sha-256' || !isFingerprint(fingerprint)) throw new WireError('no fingerprint');
  return { credentials, fingerprint };
}

/** The peer's answer to the library's offer. */
export function answerTo(remote: RemoteDescription): string {
  const { credentials, endpoint, fingerprint, isClient } = remote;
  const hex = fingerprint.toUpperCase().match(/../g) ?? [];
  return [
    'v=0',
    'o=- 0 0 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    `a=fingerprint:sha-256 ${hex.join(':')}`,
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    'a=sendrecv',
    'a=sctp-port:5000',
    'a=max-message-size:65536',
    `a=setup:${isClient ? 'active' : 'passive'}`,
    `a=ice-ufrag:${credentials.ufrag}`,
    `a=ice-pwd:${credentials.password}`,
    `a=candidate:1 1 UDP 2130706431 ${endpoint.host} ${endpoint.port} typ host`,
    'a=end-of-candidates',
    '',
  ].join('\r\n');
}

function isFingerprint(text: string): boolean {
  return /^[0-9a-f]+$/.test(text) && text.length === 2 * FINGERPRINT_BYTES;
}
