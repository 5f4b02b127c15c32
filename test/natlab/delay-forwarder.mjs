// delay-forwarder.mjs EACH_WAY_MS MEGABYTES_PER_SECOND FD: takes IP packets from a TUN device and gives them back later.
//
//     read ──> one queue per destination: [bottleneck] ──> [wire] ──> write
//
// Without a rate (0) nothing waits but for the delay. Packets to one destination stay in order.
import fs from 'node:fs';

const [eachWayMs, megabytesPerSecond, fd] = process.argv.slice(2).map(Number);
const bytesPerMs = megabytesPerSecond * 1000;

/** What the bottleneck's buffer holds before it drops: as long as a good home router's. */
const MAX_QUEUE_MS = 50;
/** In all queues, against a sender without any control. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Timers are no finer. */
const POLL_MS = 1;

const queues = new Map();
const buffer = Buffer.alloc(65_536);
let waitingBytes = 0;

function destinationOf(packet) {
  const isV4 = packet[0] >> 4 === 4;
  return packet.latin1Slice(isV4 ? 16 : 24, isV4 ? 20 : 40);
}

function queueTo(destination) {
  let queue = queues.get(destination);
  if (queue === undefined) queues.set(destination, (queue = { freeAtMs: 0, packets: [], head: 0 }));
  return queue;
}

/** Its time begins when it is seen: no packet is early, and one is late by about a millisecond at each end. */
function enqueue(packet) {
  const queue = queueTo(destinationOf(packet));
  const nowMs = performance.now();
  const startMs = Math.max(nowMs, queue.freeAtMs);
  if (startMs - nowMs > MAX_QUEUE_MS || waitingBytes > MAX_WAITING_BYTES) return;
  queue.freeAtMs = bytesPerMs === 0 ? startMs : startMs + packet.length / bytesPerMs;
  queue.packets.push({ dueMs: queue.freeAtMs + eachWayMs, packet });
  waitingBytes += packet.length;
}

/** One packet; undefined when there is none. */
function read() {
  try {
    const length = fs.readSync(fd, buffer);
    return Buffer.from(buffer.subarray(0, length));
  } catch (error) {
    // EIO: the device is not up yet.
    if (error.code === 'EAGAIN' || error.code === 'EIO') return undefined;
    throw error;
  }
}

function write(packet) {
  try {
    fs.writeSync(fd, packet);
  } catch (error) {
    // EIO, EINVAL: the device went down, or refuses this packet; a wire would lose it as well.
    if (!['EAGAIN', 'EIO', 'EINVAL'].includes(error.code)) throw error;
  }
}

function release(queue, nowMs) {
  while (queue.head < queue.packets.length && queue.packets[queue.head].dueMs <= nowMs) {
    const { packet } = queue.packets[queue.head++];
    waitingBytes -= packet.length;
    write(packet);
  }
  if (queue.head < queue.packets.length && queue.head < 1024) return;
  queue.packets.splice(0, queue.head);
  queue.head = 0;
}

function poll() {
  for (let packet = read(); packet !== undefined; packet = read()) enqueue(packet);
  const nowMs = performance.now();
  for (const queue of queues.values()) release(queue, nowMs);
  setTimeout(poll, POLL_MS);
}

process.stdout.write('forwarding\n');
poll();
