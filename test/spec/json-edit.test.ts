import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonEdit } from '../../src/spec/index.ts'
import { editJson, parseJson, serializeJson } from '../../src/spec/index.ts'

const decoder = new TextDecoder()

function edit(text: string, ...edits: JsonEdit[]): string {
  return decoder.decode(editJson(text, edits))
}

describe('a text on one line', () => {
  test.each<[string, string, JsonEdit, string]>([
    ['replaces', '{"a":1,"b":2}', { path: ['a'], value: 'x' }, '{"a":"x","b":2}'],
    ['adds at the end', '{"a":1}', { path: ['b'], value: { c: [1] } }, '{"a":1,"b":{"c":[1]}}'],
    ['adds to nothing', ' {} ', { path: ['a'], value: 1 }, ' {"a":1} '],
    ['removes the only one', '{"a":1}', { path: ['a'], value: undefined }, '{}'],
    ['removes the first', '{"a": 1, "b": 2}', { path: ['a'], value: undefined }, '{"b": 2}'],
    ['removes the last', '{ "a": 1, "b": 2 }', { path: ['b'], value: undefined }, '{ "a": 1 }'],
    ['removes between', '[1, 2, 3]', { path: [1], value: undefined }, '[1, 3]'],
    [
      'keeps spaces after commas',
      '{"a": 1, "b": 2}',
      { path: ['c'], value: [1, 2] },
      '{"a": 1, "b": 2, "c": [1, 2]}',
    ],
    ['guesses spaces from colons', '{"a": 1}', { path: ['c'], value: 3 }, '{"a": 1, "c": 3}'],
    ['appends', '[1,2]', { path: [2], value: 3 }, '[1,2,3]'],
    ['inserts before', '[1,2]', { path: [0], value: 0, insert: true }, '[0,1,2]'],
    ['inserts between', '[1, 2]', { path: [1], value: 0, insert: true }, '[1, 0, 2]'],
    ['makes what is missing', '{}', { path: ['a', 'b', 'c'], value: 1 }, '{"a":{"b":{"c":1}}}'],
    ['makes an array', '{}', { path: ['a', 0], value: 1 }, '{"a":[1]}'],
    ['puts an object for null', '{"a":null}', { path: ['a', 'b'], value: 1 }, '{"a":{"b":1}}'],
    ['removes nothing', '{"a":null}', { path: ['a', 'b', 'c'], value: undefined }, '{"a":null}'],
    ['knows a name by its meaning', '{"\\u0061":1}', { path: ['a'], value: 2 }, '{"\\u0061":2}'],
    ['replaces the root', ' [1] ', { path: [], value: 2 }, ' 2 '],
    [
      'handles __proto__',
      '{"__proto__":{"x":1}}',
      { path: ['__proto__', 'x'], value: 2 },
      '{"__proto__":{"x":2}}',
    ],
    ['writes a big number', '{"a":1}', { path: ['a'], value: 2n ** 64n }, '{"a":18446744073709551616}'],
  ])('%s', (_, before, change, after) => {
    expect(edit(before, change)).toBe(after)
  })
})

test('indentation that is there is followed', () => {
  const before = '{\n  "a": {\n    "b": 1\n  },\n  "c": [\n    1\n  ],\n  "d": {}\n}\n'
  const after = edit(
    before,
    { path: ['a', 'x'], value: { y: [1, {}], z: [] } },
    { path: ['c', 1], value: { k: 'v' } },
    { path: ['d', 'e', 'f'], value: true },
    { path: ['n'], value: [1] },
  )
  expect(after).toBe(
    `${JSON.stringify(
      {
        a: { b: 1, x: { y: [1, {}], z: [] } },
        c: [1, { k: 'v' }],
        d: { e: { f: true } },
        n: [1],
      },
      null,
      2,
    )}\n`,
  )
  expect(edit('{\r\n\t"a":1\r\n}', { path: ['b'], value: [1] })).toBe(
    '{\r\n\t"a":1,\r\n\t"b":[\r\n\t\t1\r\n\t]\r\n}',
  )
})

test('an object on one line within an indented text stays on one line', () => {
  const before = '{\n  "platform": { "os": "linux" }\n}'
  expect(edit(before, { path: ['platform', 'architecture'], value: 'arm' })).toBe(
    '{\n  "platform": { "os": "linux", "architecture": "arm" }\n}',
  )
})

test('what is not addressed keeps every byte', () => {
  const before =
    '{ "9": 12345678901234567890, "1":\t1e400, "__proto__": null,"é\\u00e9":"\\/" , "l" : {"8080":{},"443":{}}}'
  expect(edit(before, { path: ['l', '443'], value: undefined })).toBe(
    '{ "9": 12345678901234567890, "1":\t1e400, "__proto__": null,"é\\u00e9":"\\/" , "l" : {"8080":{}}}',
  )
})

test('a value that equals what is there but for white space changes nothing', () => {
  const before = '{ "a" : [ 1 , {"b" :2} ] }'
  expect(edit(before, { path: ['a'], value: [1, { b: 2 }] })).toBe(before)
  expect(edit(before, { path: ['a', 1, 'b'], value: 2 })).toBe(before)
})

test('a parsed value put elsewhere keeps its own order and digits', () => {
  const { value } = parseJson('{"from":{"2":1,"1":12345678901234567890}}')
  const { from } = value as { from: object }
  expect(edit('{"a":1}', { path: ['b'], value: from })).toBe('{"a":1,"b":{"2":1,"1":12345678901234567890}}')
})

test('edits see what those before them left', () => {
  expect(
    edit(
      '{"a":[]}',
      { path: ['a', 0], value: 'x' },
      { path: ['a', 1], value: 'y' },
      { path: ['a', 0], value: undefined },
      { path: ['a'], value: ['y'] },
    ),
  ).toBe('{"a":["y"]}')
})

test.each<[string, JsonEdit, RegExp]>([
  ['{"a":1}', { path: ['a', 'b'], value: 1 }, /a is 1, which holds nothing else/],
  ['{"a":[]}', { path: ['a', 'b'], value: 1 }, /is an array, so give a position/],
  ['{"a":{}}', { path: ['a', 0], value: 1 }, /is an object, so give a name/],
  ['[1]', { path: [2], value: 1 }, /has 1 elements/],
  ['[1]', { path: [-1], value: 1 }, /has 1 elements/],
  ['[1]', { path: [], value: undefined }, /cannot be removed/],
])('%s refuses an edit that makes no sense', (text, change, message) => {
  expect(() => edit(text, change)).toThrow(
    expect.objectContaining({ code: 'ARGUMENT_INVALID', message: expect.stringMatching(message) }),
  )
})

test('a text that is not I-JSON is not edited', () => {
  expect(() => edit('{"a":1,"a":2}', { path: ['b'], value: 1 })).toThrow(
    expect.objectContaining({ code: 'JSON_INVALID' }),
  )
})

describe('any JSON, however it is written', () => {
  const name = fc.oneof(fc.constantFrom('a', 'b', '1', '22', '__proto__', 'é"'), fc.string())
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, 1, -0.5, 1e-7, 'x', '{"', '}],\\'),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc
        .uniqueArray(fc.tuple(name, tie('tree')), { maxLength: 4, selector: ([key]) => key })
        .map((entries) => fromEntries(entries)),
    ),
  }))
  const space = fc.constantFrom<string | number>('', 2, '\t', 1)

  test('editing a member gives what assigning it gives, and keeps the rest', () => {
    fc.assert(
      fc.property(tree, tree, name, space, (value, put, key, indent) => {
        const document = fromEntries([
          ['p', value],
          ['q', 'end'],
        ])
        const text = JSON.stringify(document, null, indent)
        const changed = edit(text, { path: ['r', key], value: put })
        expect(JSON.parse(changed)).toEqual(
          JSON.parse(
            JSON.stringify(
              fromEntries([
                ['p', value],
                ['q', 'end'],
                ['r', fromEntries([[key, put]])],
              ]),
            ),
          ),
        )
        expect(edit(changed, { path: ['r'], value: undefined })).toBe(text)
        if (indent !== 1 || !/[[{]/.test(JSON.stringify(put))) {
          expect(changed).toBe(
            JSON.stringify(
              fromEntries([
                ['p', value],
                ['q', 'end'],
                ['r', fromEntries([[key, put]])],
              ]),
              null,
              indent,
            ),
          )
        }
      }),
    )
  })

  test('inserting and removing an element of an array gives the text back', () => {
    fc.assert(
      fc.property(
        fc.array(tree, { minLength: 1, maxLength: 5 }),
        tree,
        fc.nat(),
        space,
        (array, put, at, indent) => {
          const text = JSON.stringify(array, null, indent)
          const position = at % (array.length + 1)
          const changed = edit(text, { path: [position], value: put, insert: true })
          expect(JSON.parse(changed)).toEqual(JSON.parse(JSON.stringify(array.toSpliced(position, 0, put))))
          expect(edit(changed, { path: [position], value: undefined })).toBe(text)
        },
      ),
    )
  })

  test('serializing a parsed value gives its bytes', () => {
    fc.assert(
      fc.property(tree, space, (value, indent) => {
        const text = `${JSON.stringify(value, null, indent)}\n`
        const parsed = parseJson(text).value
        if (typeof parsed === 'object' && parsed !== null) {
          expect(decoder.decode(serializeJson(parsed))).toBe(text)
        }
        expect(JSON.parse(JSON.stringify(parsed))).toEqual(JSON.parse(text))
      }),
    )
  })
})

function fromEntries(entries: [string, unknown][]): object {
  const object = {}
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
  }
  return object
}
