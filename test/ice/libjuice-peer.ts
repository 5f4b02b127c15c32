import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import path from 'node:path';

import type { Candidate } from '../../src/ice/candidate.ts';
import type { IceCredentials } from '../../src/ice/check-message.ts';

interface ChildEvent {
  readonly description?: string;
  readonly candidate?: string;
  readonly state?: string;
  readonly port?: number;
}

/**
 * libjuice in a process of its own (libjuice-child.mjs), as the peer of one attempt. It offers or answers: who
 * offers controls.
 */
export class LibjuicePeer extends EventEmitter<{ changed: [] }> {
  readonly #child: ChildProcess;
  readonly states: string[] = [];
  /** Where it sends to, once it has selected a pair. */
  selectedPort: number | undefined;
  #sdp = '';
  #candidate = '';

  constructor() {
    super();
    // Without what the test runner was started with.
    this.#child = fork(path.join(import.meta.dirname, 'libjuice-child.mjs'), { execArgv: [] });
    this.#child.on('message', (event: ChildEvent) => {
      this.#sdp = event.description ?? this.#sdp;
      this.#candidate ||= event.candidate ?? '';
      if (event.state !== undefined) this.states.push(event.state);
      this.selectedPort = event.port ?? this.selectedPort;
      this.emit('changed');
    });
  }

  /** Undefined until it has described itself. */
  get credentials(): IceCredentials | undefined {
    const ufrag = /^a=ice-ufrag:(\S+)/m.exec(this.#sdp)?.[1];
    const password = /^a=ice-pwd:(\S+)/m.exec(this.#sdp)?.[1];
    return ufrag === undefined || password === undefined ? undefined : { ufrag, password };
  }

  /** Of its one socket; undefined until it has told. */
  get candidate(): Candidate | undefined {
    const parts = /candidate:(\S+) 1 UDP (\d+) ([\d.]+) (\d+) typ host/.exec(this.#candidate);
    if (parts === null) return undefined;
    const [, foundation = '', priority, host = '', port] = parts;
    const endpoint = { host, port: Number(port) };
    return { kind: 'host', endpoint, priority: Number(priority), foundation };
  }

  open(role: 'offer' | 'answer'): void {
    this.#child.send({ open: role });
  }

  /** Our credentials, in an offer or the answer to one. */
  describe({ ufrag, password }: IceCredentials, kind: 'offer' | 'answer'): void {
    this.#child.send({
      description: [
        'v=0',
        'o=- 1 1 IN IP4 127.0.0.1',
        's=-',
        't=0 0',
        'a=group:BUNDLE 0',
        // What DTLS would check; no test gets as far.
        `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => '00').join(':')}`,
        'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
        'c=IN IP4 0.0.0.0',
        'a=mid:0',
        'a=sendrecv',
        'a=sctp-port:5000',
        `a=setup:${kind === 'offer' ? 'actpass' : 'passive'}`,
        `a=ice-ufrag:${ufrag}`,
        `a=ice-pwd:${password}`,
        'a=ice-options:ice2,trickle',
        '',
      ].join('\r\n'),
    });
  }

  addCandidate({ foundation, priority, endpoint }: Candidate): void {
    const { host, port } = endpoint;
    const line = `candidate:${foundation} 1 UDP ${priority} ${host} ${port} typ host`;
    this.#child.send({ candidate: line });
  }

  /** Without a word to the peer. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
}
