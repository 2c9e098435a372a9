/** What the contract suites are given, and how each of their tests gets its store. */
import type { BlobStore } from '../store/index.ts'

/** The functions of a test runner: those of vitest, jest, mocha (`it` for `test`), bun, and `node:test` fit. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown
  test(name: string, body: () => Promise<void>): unknown
}

/** An operation that a store may lack. */
export type OptionalOperation = 'delete' | 'list' | 'untag' | 'referrers' | 'index'

/** What the suites are told of a store. */
export interface ContractOptions<Store extends BlobStore> extends TestRunner {
  /**
   * The optional operations that this store does not have; each other one is required and tested.
   * Default: none.
   */
  readonly without?: readonly OptionalOperation[] | undefined
  /** The digest algorithms that it takes. Default: sha256, sha512 and blake3. */
  readonly algorithms?: readonly string[] | undefined
  /** Called after each test, when the store has been disposed of: removes what it was kept in. */
  readonly cleanUp?: ((store: Store) => void | Promise<void>) | undefined
}

/** Runs one test with a store of its own, and ends that store whatever happens. */
export async function withStore<Store extends BlobStore>(
  create: () => Store | Promise<Store>,
  options: ContractOptions<Store>,
  run: (store: Store) => Promise<void>,
): Promise<void> {
  const store = await create()
  try {
    await run(store)
  } finally {
    await (store as Partial<AsyncDisposable>)[Symbol.asyncDispose]?.()
    await options.cleanUp?.(store)
  }
}
