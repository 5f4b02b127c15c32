import { describe, expect, test } from 'vitest';

import { type Endpoint, parseEndpoint } from '../../src/base/endpoint.ts';
import {
  believedEndpoint,
  largestAgreement,
  mappingOf,
  type Observation,
  portStepOf,
} from '../../src/ice/nat-behaviour.ts';

const at = (text: string): Endpoint => parseEndpoint(text) ?? { host: '', port: 0 };

/** `'a=1.1.1.1:1'`: the server at 192.0.2.10, port 3478, saw that. `'a2'` is its other port. */
function observe(...texts: readonly string[]): Observation[] {
  return texts.map((text) => {
    const [server = '', mapped = ''] = text.split('=');
    const host = `192.0.2.${Number.parseInt(server.charAt(0), 36)}`;
    return { server: { host, port: server.endsWith('2') ? 3479 : 3478 }, mapped: at(mapped) };
  });
}

describe('who is believed', () => {
  test.each([
    ['nobody', [], undefined, 0],
    ['the only one', ['a=1.1.1.1:1'], '1.1.1.1:1', 1],
    ['two of one mind', ['a=1.1.1.1:1', 'b=1.1.1.1:1'], '1.1.1.1:1', 2],
    ['two of one mind about the address', ['a=1.1.1.1:1', 'b=1.1.1.1:2'], '1.1.1.1:1', 2],
    ['neither of two', ['a=1.1.1.1:1', 'b=9.9.9.9:1'], undefined, 1],
    ['two of three', ['a=9.9.9.9:9', 'b=1.1.1.1:1', 'c=1.1.1.1:1'], '1.1.1.1:1', 2],
    ['two of three about the port', ['a=1.1.1.1:9', 'b=1.1.1.1:1', 'c=1.1.1.1:1'], '1.1.1.1:1', 3],
    ['none of three', ['a=9.9.9.9:9', 'b=1.1.1.1:1', 'c=8.8.8.8:1'], undefined, 1],
    [
      'a half is no majority',
      ['a=9.9.9.9:9', 'b=1.1.1.1:1', 'c=9.9.9.9:9', 'd=1.1.1.1:1'],
      undefined,
      2,
    ],
    ['one host has one vote', ['a=9.9.9.9:9', 'a2=9.9.9.9:9', 'b=1.1.1.1:1'], undefined, 1],
  ])('%s', (_, texts, believed, agreement) => {
    expect(believedEndpoint(observe(...texts))).toEqual(
      believed === undefined ? undefined : at(believed),
    );
    expect(largestAgreement(observe(...texts))).toBe(agreement);
  });
});

describe('mapping', () => {
  test.each([
    ['unknown', []],
    ['unknown', ['a=1.1.1.1:1']],
    ['unknown', ['a=1.1.1.1:1', 'a2=1.1.1.1:1']],
    ['endpoint-independent', ['a=1.1.1.1:1', 'b=1.1.1.1:1']],
    ['endpoint-independent', ['a=1.1.1.1:1', 'b=1.1.1.1:1', 'c=1.1.1.1:7']],
    ['address-dependent', ['a=1.1.1.1:1', 'b=1.1.1.1:2']],
    ['address-dependent', ['a=1.1.1.1:1', 'a2=1.1.1.1:1', 'b=1.1.1.1:2', 'b2=1.1.1.1:2']],
    ['address-and-port-dependent', ['a=1.1.1.1:1', 'a2=1.1.1.1:2']],
    ['address-and-port-dependent', ['a=1.1.1.1:1', 'b=1.1.1.1:2', 'b2=1.1.1.1:3']],
  ])('%s: %j', (mapping, texts) => {
    expect(mappingOf(observe(...texts))).toBe(mapping);
  });
});

describe('step between ports', () => {
  test.each([
    ['too few', [10, 11], undefined],
    ['the same port thrice', [10, 10, 10], undefined],
    ['one up', [10, 11, 12], { step: 1, lastPort: 12 }],
    ['two up', [10, 12, 14, 16], { step: 2, lastPort: 16 }],
    ['one down', [12, 11, 10], { step: -1, lastPort: 10 }],
    ['the second request came last', [10, 12, 11, 13], { step: 1, lastPort: 13 }],
    ['others use the NAT, too', [10, 11, 14], undefined],
    ['random', [50_123, 1_300, 31_007], undefined],
    ['regular by chance', [1_000, 2_000, 3_000], undefined],
  ])('%s', (_, ports, step) => {
    const texts = ports.map((port, i) => `${(10 + i).toString(36)}=1.1.1.1:${port}`);
    expect(portStepOf(observe(...texts))).toEqual(step);
  });

  test('two outer addresses have no step', () => {
    expect(portStepOf(observe('a=1.1.1.1:1', 'b=1.1.1.2:2', 'c=1.1.1.1:3'))).toBeUndefined();
  });
});
