/**
 * HMAC-SHA256 over id, time and body, as standardwebhooks.com lays it out:
 *
 *     webhook-id: evt_…            the same each time this event is sent
 *     webhook-timestamp: 1767225600
 *     webhook-signature: v1,BASE64(HMAC(secret, "id.timestamp.body"))
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** Older or newer is a replay, or a clock that is wrong. */
const MAX_AGE_SECONDS = 300;

export function sign(secret, { id, timestamp, body }) {
  const mac = createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body);
  return `v1,${mac.digest('base64')}`;
}

/** Why it is not to be believed; undefined when it is. Several signatures, apart by spaces, let a secret be changed. */
export function whyNotSigned(secret, { id, timestamp, body }, signatures) {
  if (!/^\d{1,12}$/.test(timestamp)) return 'no timestamp';
  const ageSeconds = Math.abs(Date.now() / 1000 - Number(timestamp));
  const expected = Buffer.from(sign(secret, { id, timestamp, body }));
  const isSigned = signatures.split(' ').some((signature) => {
    const given = Buffer.from(signature);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!isSigned) return 'the signature is wrong';
  return ageSeconds > MAX_AGE_SECONDS ? 'the timestamp is too far from now' : undefined;
}
