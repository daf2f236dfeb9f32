/** The part of npm `urkel` (JavaScript without types) that the benchmarks use. */
declare module 'urkel' {
  export interface Hash {
    readonly id: string
    readonly size: number
    readonly zero: Buffer
    digest(data: Buffer): Buffer
    multi(one: Buffer, two: Buffer, three?: Buffer): Buffer
    readonly ctx: { init(): void; update(part: Buffer): void; final(): Buffer }
  }

  export interface Proof {
    /** Code 0 and the value, or null for an absent key. */
    verify(root: Buffer, key: Buffer, hash: Hash, bits: number): [number, Buffer | null]
  }

  export interface Transaction {
    insert(key: Buffer, value: Buffer): Promise<void>
    commit(): Promise<Buffer>
  }

  export class Tree {
    constructor(options: { hash: Hash; bits: number; prefix: string })
    open(): Promise<void>
    close(): Promise<void>
    txn(): Transaction
    prove(key: Buffer): Promise<Proof>
    rootHash(): Buffer
  }

  const urkel: { readonly Tree: typeof Tree }
  export default urkel
}
