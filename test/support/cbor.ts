import { type CborOutput, writeCbor } from '../../src/flag/operators/cbor.ts'

/** Collects the bytes that are written to it. */
export class Bytes implements CborOutput {
  readonly written: number[] = []

  get size(): number {
    return this.written.length
  }

  get hex(): string {
    return Buffer.from(this.written).toString('hex')
  }

  addByte(byte: number): void {
    this.written.push(byte)
  }

  addBytes(bytes: Uint8Array): void {
    this.written.push(...bytes)
  }

  add(text: string): void {
    this.addBytes(new TextEncoder().encode(text))
  }
}

/** The CBOR of a value in hexadecimal; undefined if it has more than `sizeMax` bytes or nests too deep. */
export function cborHex(value: unknown, sizeMax: number): string | undefined {
  const bytes = new Bytes()
  return writeCbor(bytes, value, sizeMax) ? bytes.hex : undefined
}
