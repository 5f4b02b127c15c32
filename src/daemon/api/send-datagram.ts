import { PilotError } from '../../base/pilot-error.ts';
import type { DatagramReply, DatagramRequest } from '../../client/api.ts';
import { BASE64 } from '../messages/send-request.ts';
import type { NodePorts } from '../streams/port-calls.ts';

/** A single datagram for a program that keeps no port. Errors as those of `Datagrams.send`. */
export async function sendDatagram(
  ports: NodePorts,
  { target, port, data, encoding }: DatagramRequest,
): Promise<DatagramReply> {
  const bytes = bytesOf(data, encoding);
  // Answers to it find nobody, but must not find another program either.
  const binding = ports.bindDatagrams(undefined, () => undefined);
  try {
    await ports.sendDatagram(target, { port, sourcePort: binding.port, bytes });
    return { port, bytes: bytes.length };
  } finally {
    binding.close();
  }
}

function bytesOf(data: string, encoding: DatagramRequest['encoding']): Buffer {
  if (encoding !== 'base64') return Buffer.from(data);
  if (BASE64.test(data)) return Buffer.from(data, 'base64');
  throw new PilotError('invalid_argument', 'the data is not base64', {
    hint: 'Use the standard alphabet with padding (RFC 4648, section 4).',
  });
}
