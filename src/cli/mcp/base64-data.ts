import { PilotError } from '../../base/pilot-error.ts';

/** The most that a daemon can be set to take of a message is 1 MiB; as base64 a third more. */
export const MAX_DATA_CHARACTERS = 1_398_104;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** PilotError for what is not base64. `otherwise`: how it would go as it is. */
export function checkBase64(data: string, otherwise: string): void {
  if (data.length % 4 === 0 && BASE64.test(data)) return;
  throw new PilotError('invalid_argument', 'data is not base64', {
    hint: `RFC 4648, section 4, with padding; ${otherwise}`,
  });
}
