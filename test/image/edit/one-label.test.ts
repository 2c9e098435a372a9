/** One label changes, and nothing else: over every config at hand, and over odd ones by the thousand. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes.ts'
import { digestBytes } from '../../../src/digest/index.ts'
import { openImage, readLayout } from '../../../src/image/index.ts'
import { mediaTypes, parseConfig, serializeJson } from '../../../src/spec/index.ts'
import { MemoryStore, readBlobBytes } from '../../../src/store/index.ts'
import { caseTest } from '../../cases.ts'

/** The config after an edit of one label, through a whole image. */
async function labelled(config: Uint8Array, name: string, value: string): Promise<string> {
  const store = new MemoryStore()
  const layers = parseConfig(config).rootfs.diff_ids.map((digest) => ({
    mediaType: mediaTypes.layer,
    digest,
    size: 1,
  }))
  const descriptor = await store.put(config, { mediaType: mediaTypes.config })
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: descriptor, layers }
  const image = await openImage(
    store,
    await store.put(serializeJson(manifest), { mediaType: mediaTypes.manifest }),
  )
  const edited = await image.edit().label(name, value).commit(store)
  return new TextDecoder().decode(await readBlobBytes(store, edited.manifest.config))
}

/** The text without white space outside of strings: what two texts of the same members in the same order share. */
function tokens(text: string): string[] {
  return text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? []
}

/** The tokens without one member, and without the comma that it needed. */
function without(all: readonly string[], name: string): string[] {
  const at = all.indexOf(JSON.stringify(name))
  expect(at).toBeGreaterThan(0)
  const comma = all[at - 1] === ',' ? 1 : 0
  const left = [...all.slice(0, at - comma), ...all.slice(at + 3)]
  if (comma === 0 && left[at] === ',') left.splice(at, 1)
  return left
}

async function expectOnlyLabel(bytes: Uint8Array, what: string): Promise<void> {
  const before = new TextDecoder().decode(bytes)
  const after = await labelled(bytes, 'oci-ts.test/label', 'new')
  const { config } = parseConfig(bytes)
  const made = tokens(after)
  expect(parseConfig(after).config?.Labels?.['oci-ts.test/label'], what).toBe('new')
  let rest = without(made, 'oci-ts.test/label')
  // Objects that had to be made for it are all else that may be new.
  if (!config?.Labels)
    rest =
      config && 'Labels' in config
        ? rest
            .join('\u0000')
            .replace('"Labels"\u0000:\u0000{\u0000}', '"Labels"\u0000:\u0000null')
            .split('\u0000')
        : withoutEmpty(rest, 'Labels')
  if (!config) rest = withoutEmpty(rest, 'config')
  expect(rest, what).toEqual(tokens(before))
}

/** The tokens without a member that holds an empty object. */
function withoutEmpty(all: readonly string[], name: string): string[] {
  const at = all.findIndex(
    (token, i) => token === JSON.stringify(name) && all[i + 2] === '{' && all[i + 3] === '}',
  )
  expect(at).toBeGreaterThan(0)
  const comma = all[at - 1] === ',' ? 1 : 0
  return [...all.slice(0, at - comma), ...all.slice(at + 4)]
}

caseTest('every config among the cases', async (directory) => {
  let configs = 0
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) =>
    join(directory, name),
  )
  for (const path of files.filter((name) => name.endsWith('config.json') && statSync(name).isFile())) {
    await expectOnlyLabel(new Uint8Array(readFileSync(path)), path)
    configs++
  }
  for (const path of files.filter((name) => name.endsWith('.tar') && name.includes('archives'))) {
    const layout = await readLayout(path).catch(() => undefined)
    if (layout === undefined) continue
    await using _ = layout
    for (const { digest } of layout.index.manifests) {
      const image = await layout.image(digest).catch(() => undefined)
      const config = image === undefined ? undefined : await image.config().catch(() => undefined)
      if (image === undefined || config === undefined) continue
      await expectOnlyLabel(await readBlobBytes(image.store, image.manifest.config), path)
      configs++
    }
  }
  expect(configs).toBeGreaterThan(10)
})

const odd = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(
      'null',
      'true',
      '12345678901234567890',
      '1e400',
      '-0',
      '1.0',
      '0.1e-7',
      '"\\u00e9\\/"',
      '""',
    ),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
    tie('object'),
  ),
  object: fc
    .uniqueArray(
      fc.tuple(
        fc.constantFrom('10', '9', '1', '__proto__', 'constructor', 'x-a', 'x b', 'ü', 'toString'),
        tie('value'),
      ),
      {
        selector: ([name]) => name,
        maxLength: 5,
      },
    )
    .map((members) => `{${members.map(([name, value]) => `"${name}" :${value}`).join(' ,\n\t')}}`),
}))

test('odd configs: unknown fields, order, integer-like names, nulls, big numbers, __proto__', async () => {
  const labels = fc.uniqueArray(fc.constantFrom('10', '9', '__proto__', 'keep', 'a'), { maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(
      odd.object,
      odd.value,
      labels,
      fc.constantFrom('object', 'null', 'none'),
      async (object, value, names, kind) => {
        const digest = digestBytes(encodeUtf8('x'))
        const all = names.map((name) => `"${name}": "v${name}"`).join(', ')
        const label = kind === 'object' ? `,"Labels" : {${all}}` : kind === 'null' ? ',"Labels":null' : ''
        const text = `{"x-1":${object},"architecture":"amd64", "os":"linux","config":{"x-2":${value}${label}},"rootfs":{"type":"layers","diff_ids":["${digest}"]},"history":null,"2":1,"1":2}\n`
        await expectOnlyLabel(encodeUtf8(text), text)
      },
    ),
    { numRuns: 300 },
  )
})
