/** What the bench uses of HyperDHT (6.34). */
declare module 'hyperdht' {
  import type { Duplex } from 'node:stream';

  interface KeyPair {
    readonly publicKey: Buffer;
  }

  interface Server {
    listen(keyPair: KeyPair): Promise<void>;
  }

  export default class HyperDHT {
    constructor(options: { readonly bootstrap: readonly unknown[]; readonly host: string });
    static keyPair(): KeyPair;
    createServer(onConnection: (stream: Duplex) => void): Server;
    connect(key: Buffer): Duplex;
  }
}

declare module 'hyperdht/testnet.js' {
  export default function createTestnet(size: number): Promise<{ readonly bootstrap: unknown[] }>;
}
