import { isPrivateHost, parseIpAddress } from '../../base/ip-address.ts';
import { formatIpAddress } from '../../base/ip-text.ts';
import { PilotError } from '../../base/pilot-error.ts';

const LOCALHOST = '127.0.0.1';

/** IPv4 addresses that a gateway gives to peers. */
export class Subnet {
  readonly text: string;
  readonly #first: number;
  readonly #size: number;

  private constructor(first: number, bits: number) {
    this.#size = 2 ** (32 - bits);
    this.#first = first - (first % this.#size);
    this.text = `${textOf(this.#first)}/${bits}`;
  }

  /** PilotError `invalid_argument` says what is wrong with it. */
  static parse(text: string): Subnet {
    const match = /^([\d.]+)\/(\d{1,2})$/.exec(text);
    const number = match?.[1] === undefined ? undefined : numberOf(match[1]);
    const bits = Number(match?.[2]);
    if (number === undefined || !(bits >= 8 && bits <= 30) || !isPrivateHost(textOf(number))) {
      throw new PilotError(
        'invalid_argument',
        `${JSON.stringify(text)} is no subnet for a gateway`,
        {
          hint: 'a private IPv4 network from /8 to /30, such as 127.4.0.0/16 or 10.4.0.0/16',
        },
      );
    }
    return new Subnet(number, bits);
  }

  /** Neither the network's own address, nor its broadcast, nor that of this host. */
  has(address: string): boolean {
    const number = numberOf(address);
    if (number === undefined || address === LOCALHOST) return false;
    const place = number - this.#first;
    return place > 0 && place < this.#size - 1;
  }

  /** The lowest that is not taken. */
  free(taken: ReadonlySet<string>): string | undefined {
    for (let place = 1; place < this.#size - 1; place++) {
      const address = textOf(this.#first + place);
      if (!taken.has(address) && address !== LOCALHOST) return address;
    }
    return undefined;
  }
}

function numberOf(address: string): number | undefined {
  const bytes = parseIpAddress(address);
  if (bytes?.length !== 4 || address.includes(':')) return undefined;
  return Buffer.from(bytes).readUInt32BE();
}

function textOf(number: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return formatIpAddress(bytes) ?? '';
}
