/** A library with every fault that fuzzing has to find: what tests hold the fuzzer itself to. */
import { holds, type Kind } from '../kind.ts'
import { mutateBytes } from '../mutation/bytes.ts'

const left: Uint8Array[] = []

/** Faults by the first byte of an input. */
const faults: readonly (() => void | Promise<void>)[] = [
  () => {},
  () => {
    for (;;) {}
  },
  () => new Promise<void>(() => {}),
  () => {
    throw new TypeError('no error of the library')
  },
  () => {
    left.push(new Uint8Array(1 << 20))
  },
  () => {
    void Promise.reject(new Error('nobody waits'))
  },
  () => {
    const all: number[][] = []
    for (;;) all.push(new Array<number>(1 << 20).fill(1.5))
  },
  () => holds(false, 'A promise is broken'),
  () => {
    fuzzAllocate(1 << 30)
  },
]

/** One that has the faults. */
export const broken: Kind = {
  name: 'broken',
  maxLength: 64,
  maxAllocation: 1 << 24,
  async seeds() {
    return [Uint8Array.of(0, 1, 2, 3)]
  },
  mutate: mutateBytes,
  run: (input) => faults[input[0] ?? 0]?.(),
}
