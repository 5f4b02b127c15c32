/** The part of the `stun` package (2.1) that the adapter uses; it has no types of its own. */
declare module 'stun' {
  interface Attribute {
    readonly type: number;
    readonly value: unknown;
  }

  interface Message extends Iterable<Attribute> {
    readonly type: number;
    readonly transactionId: Buffer;
  }

  interface OutgoingMessage extends Message {
    addXorAddress(address: string, port: number): unknown;
    addSoftware(software: string): unknown;
    toBuffer(): Buffer;
  }

  const stun: {
    readonly constants: {
      readonly STUN_BINDING_REQUEST: number;
      readonly STUN_BINDING_RESPONSE: number;
    };
    createMessage(type: number, transactionId: Buffer): OutgoingMessage;
    decode(message: Buffer): Message;
  };
  export default stun;
}
