/** The streams of this node as the local API shows them. */
import { PilotError } from '../../base/pilot-error.ts';
import type { ConnectionList, ConnectionView, DisconnectReply } from '../../client/api.ts';
import type { NodePorts } from '../streams/port-calls.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';

export function connectionsOf(ports: NodePorts): ConnectionList {
  const connections = [...ports.open].map(([id, stream]) => viewOf(ports, id, stream));
  return { connections, total: connections.length };
}

/** Ends both halves at once; whoever has it is told. PilotError `not_found`. */
export function disconnect(ports: NodePorts, given: string): DisconnectReply {
  const id = /^\d{1,15}$/.test(given) ? Number(given) : 0;
  const stream = ports.open.get(id);
  if (stream === undefined) {
    throw new PilotError('not_found', `there is no connection ${given}`, {
      hint: 'see which there are: pilotctl connections',
    });
  }
  stream.abandon(
    'disconnected',
    new PilotError('connection_failed', 'the connection was ended: pilotctl disconnect'),
  );
  return { conn_id: id };
}

function viewOf(ports: NodePorts, id: number, stream: PeerStream): ConnectionView {
  const { address, hostname, id: nodeId } = ports.namesOf(stream.peer);
  return {
    id,
    local_port: stream.localPort,
    remote_addr: address,
    remote_port: stream.remotePort,
    state: stateOf(stream),
    bytes_sent: stream.bytesWritten,
    bytes_recv: stream.bytesRead,
    remote_id: nodeId,
    remote_hostname: hostname,
    direction: stream.isOutgoing ? 'outgoing' : 'incoming',
  };
}

function stateOf(stream: PeerStream): ConnectionView['state'] {
  if (stream.writableFinished) return 'FIN_WAIT';
  return stream.readableEnded ? 'CLOSE_WAIT' : 'ESTABLISHED';
}
