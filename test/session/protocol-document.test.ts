import { expect, test } from 'vitest';

import { toHex } from '../../src/base/bytes.ts';
import { documentVectors } from '../support/document-vectors.ts';
import { protocolVectors } from './protocol-vectors.ts';

test('the bytes in docs/protocol-session.md are those that this code makes', () => {
  const made = Object.entries(protocolVectors()).map(([name, bytes]) => [name, toHex(bytes)]);
  expect(documentVectors('protocol-session.md')).toEqual(Object.fromEntries(made));
});
