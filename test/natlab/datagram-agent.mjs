// A pair of hands in a namespace. Reads commands from stdin, a JSON object a line, and tells what happens the same way:
//
//     {bind: NAME, host, port}          > {bound: NAME, port}
//     {send: NAME, host, port, text}                             from the socket of that name
//                                       > {received: TEXT, socket, host, port}
//     {flush: N}                        > {flushed: N}           what was sent before has left
//     {listen: PORT, host}              > {listening: PORT}      TCP
//     {connect: PORT, host, timeoutMs}  > {connected: PORT, host, ok}
//
// It ends with its stdin.
import dgram from 'node:dgram';
import net from 'node:net';
import readline from 'node:readline';

const sockets = new Map();
let unsent = 0;
let sent = () => undefined;

function tell(event) {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

const commands = {
  bind({ bind: name, host, port }) {
    const socket = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4');
    sockets.set(name, socket);
    socket.on('message', (bytes, from) => {
      tell({ received: bytes.toString(), socket: name, host: from.address, port: from.port });
    });
    // Nobody listens there, or no way there: as silent as a lost datagram.
    socket.on('error', () => undefined);
    socket.bind(port, host, () => tell({ bound: name, port: socket.address().port }));
  },

  send({ send: name, host, port, text }) {
    unsent += 1;
    sockets.get(name).send(text, port, host, () => {
      unsent -= 1;
      if (unsent === 0) sent();
    });
  },

  flush({ flush }) {
    sent = () => tell({ flushed: flush });
    if (unsent === 0) sent();
  },

  listen({ listen: port, host }) {
    const server = net.createServer((socket) => socket.on('error', () => undefined).end());
    server.listen(port, host, () => tell({ listening: port }));
  },

  connect({ connect: port, host, timeoutMs }) {
    const socket = net.connect({ port, host });
    const done = (ok) => {
      clearTimeout(timer);
      socket.destroy();
      tell({ connected: port, host, ok });
    };
    const timer = setTimeout(() => done(false), timeoutMs);
    socket.once('connect', () => done(true)).once('error', () => done(false));
  },
};

const input = readline.createInterface({ input: process.stdin });
input.on('line', (line) => {
  const command = JSON.parse(line);
  commands[Object.keys(command)[0]](command);
});
input.on('close', () => process.exit(0));
tell({ ready: true });
