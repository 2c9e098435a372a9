/**
 * The fuzzer finds what it is for, and each kind of input passes a few thousand of them with a seed that stays the
 * same. Longer runs, and others each time, are `npm run fuzz`'s: see `docs/fuzzing.md`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fuzzKind, type Outcome } from './campaign.ts'
import { type Instrumented, instrument } from './instrument.ts'
import { kindNames } from './kind-names.ts'

const directory = mkdtempSync(join(tmpdir(), 'oci-ts-fuzz-test-'))
let bundle: Instrumented

beforeAll(async () => {
  bundle = await instrument(directory)
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Inputs of each kind: a second or two of work each. */
const runs: Readonly<Record<string, number>> = {
  json: 3000,
  tar: 3000,
  pax: 6000,
  gzip: 800,
  zstd: 2000,
  layer: 500,
  archive: 400,
  unpack: 150,
}

describe('a few inputs of each kind', () => {
  test.each(kindNames)('%s', async (kind) => {
    const { failures, ...outcome } = await fuzzKind(bundle, {
      kind,
      seed: 20,
      runs: runs[kind]!,
      failures: directory,
    })
    expect(failures.map(({ message }) => message)).toEqual([])
    expect(outcome.runs).toBe(runs[kind])
    expect(outcome.reached).toBeGreaterThan(100)
    expect(outcome.corpus).toBeGreaterThan(20)
  })
})

describe('what is wrong is found', () => {
  const broken = (
    input: readonly number[] | undefined,
    more: { runs?: number; patience?: number } = {},
  ): Promise<Outcome> => {
    const orders = { kind: 'broken', seed: 1, runs: 1, failures: directory, ...more }
    if (input === undefined) return fuzzKind(bundle, orders)
    const path = join(directory, 'input')
    writeFileSync(path, Uint8Array.from(input))
    return fuzzKind(bundle, { ...orders, input: path })
  }

  test.each([
    ['nothing', 0, undefined],
    ['a loop without end', 1, /takes more than 2 seconds/],
    ['a promise that never settles', 2, /never settles/],
    ['an error of another class', 3, /TypeError: no error of the library/],
    ['a rejection that nobody waits for', 5, /nobody waits/],
    ['all memory taken', 6, /takes all memory/],
    ['a property that does not hold', 7, /A promise is broken/],
    ['memory by what is claimed', 8, /An array of more than/],
  ])('%s', async (_, fault, expected) => {
    const { failures } = await broken([fault, 1], fault === 1 ? { patience: 2 } : {})
    if (expected === undefined) expect(failures).toEqual([])
    else {
      expect(failures).toHaveLength(1)
      expect(failures[0]!.message).toMatch(expected)
      expect([...Buffer.from(failures[0]!.input, 'base64')]).toEqual([fault, 1])
    }
  })

  test('memory that stays behind', async () => {
    const { failures } = await broken([4], { runs: 100 })
    expect(failures.map(({ message }) => message)).toEqual([expect.stringMatching(/Memory in use grows/)])
  })

  test('by chance alone, each saved, and the work goes on behind it', async () => {
    const { failures, runs } = await broken(undefined, { runs: 40, patience: 2 })
    expect(runs).toBeGreaterThanOrEqual(40)
    expect(failures.length).toBeGreaterThan(0)
    for (const { file, input } of failures) expect(readFileSync(file).toString('base64')).toBe(input)
  })
})
