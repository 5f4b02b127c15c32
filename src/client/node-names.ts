/** A node by all its names. `id` is what security rests on, the others are handles. */
export interface NodeNames {
  /** Node ID: `pilot1…`, 65 characters. */
  readonly id: string;
  /** Node number: the low 32 bits of the address. */
  readonly node_id: number;
  /** `0:0000.HHHH.LLLL` */
  readonly address: string;
  /** Empty when the node has none. */
  readonly hostname: string;
}
