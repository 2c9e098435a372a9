import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseJson, rawBytes, serializeJson } from '../../src/spec/index.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

function code(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return (error as { code: string }).code
  }
  return undefined
}

describe('I-JSON', () => {
  test.each([
    ['nothing', ''],
    ['white space only', ' \n'],
    ['a second value', '{}{}'],
    ['a trailing comma', '[1,]'],
    ['a missing comma', '[1 2]'],
    ['a comment', '{}//'],
    ['single quotes', "{'a':1}"],
    ['a bare name', '{a:1}'],
    ['a missing colon', '{"a" 1}'],
    ['an unclosed object', '{"a":1'],
    ['an unclosed array', '[1'],
    ['an unclosed string', '"a'],
    ['an unclosed escape', '"a\\'],
    ['an unknown escape', '"\\x"'],
    ['a short unicode escape', '"\\u12"'],
    ['a raw line break in a string', '"a\nb"'],
    ['a raw control character after an escape', '"\\n\u0001"'],
    ['NaN', 'NaN'],
    ['Infinity', '-Infinity'],
    ['a leading zero', '01'],
    ['a plus sign', '+1'],
    ['a bare point', '1.'],
    ['a point without digits before it', '.5'],
    ['an exponent without digits', '1e'],
    ['hexadecimal', '0x1'],
    ['a word cut short', 'tru'],
    ['white space that is not of JSON', '\u00a0{}'],
    ['an escaped lone surrogate', '"\\ud800"'],
    ['an escaped lone surrogate before a pair', '"\\udc00\\ud83d\\ude00"'],
    ['an escaped noncharacter', '"\\uffff"'],
    ['a raw noncharacter', '"\ufdd0"'],
    ['a noncharacter of another plane', '"\u{1fffe}"'],
    ['a lone surrogate in a string of JavaScript', '"\ud800"'],
  ])('%s is refused', (_, text) => {
    expect(code(() => parseJson(text))).toBe('JSON_INVALID')
  })

  test.each([
    ['not UTF-8', [0x22, 0xff, 0x22]],
    ['UTF-8 of a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['an overlong form', [0x22, 0xc0, 0xaf, 0x22]],
    ['UTF-16', [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x7b, 0x7d]],
  ])('bytes that are %s are refused', (_, bytes) => {
    expect(code(() => parseJson(Uint8Array.from(bytes)))).toBe('JSON_INVALID')
  })

  test('a byte order mark is named', () => {
    expect(() => parseJson('\ufeff{}')).toThrow('begins with a byte order mark')
  })

  test.each([
    ['{"a":1,"a":1}'],
    ['{"a":1,"b":{"c":[{"d":1,"d":2}]}}'],
    ['{"a":1,"\\u0061":2}'],
    ['{"__proto__":1,"__proto__":2}'],
    ['{"1":1,"1":2}'],
    ['{"toString":1,"toString":2}'],
  ])('%s has a name twice', (text) => {
    expect(() => parseJson(text)).toThrow(
      expect.objectContaining({ code: 'JSON_INVALID', message: expect.stringContaining('twice') }),
    )
  })

  test('an error says where: line, column, and the byte', () => {
    expect(() => parseJson('{\n  "é": 1,\n  "b": x\n}', { what: 'index' })).toThrow(
      expect.objectContaining({
        message: 'The index is not valid JSON at line 3, column 8: a value was expected',
        offset: 20,
      }),
    )
  })

  test('what JSON.parse takes for an own name is one here, __proto__ too', () => {
    const { value } = parseJson('{"__proto__":{"admin":true},"constructor":1}')
    const object = value as Record<string, unknown>
    expect(Object.keys(object)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype)
    expect((object as { admin?: boolean }).admin).toBeUndefined()
  })

  test('values are frozen, however deep', () => {
    const { value } = parseJson('{"a":[{"b":{}}],"c":[]}')
    const walk = (each: unknown): void => {
      if (typeof each !== 'object' || each === null) return
      expect(Object.isFrozen(each)).toBe(true)
      for (const inner of Object.values(each)) walk(inner)
    }
    walk(value)
  })

  test('what JSON.parse makes of JSON, this makes of it', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'binary' }), (text) => {
        fc.pre(!/\p{Noncharacter_Code_Point}/u.test(text))
        const expected = JSON.parse(text)
        expect(parseJson(text).value).toEqual(expected)
        expect(parseJson(encoder.encode(text)).value).toEqual(expected)
      }),
      { examples: [['"\\u00e9\\n\\"\\/"'], ['[1e400,-0,1.5E-3]']] },
    )
  })

  test('what JSON.parse refuses, this refuses, wherever a text is broken', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', '"', ',', '}', ']', '\\', '\u0000', '0', 'e'),
        (text, at, put) => {
          const broken = text.slice(0, at % text.length) + put + text.slice((at % text.length) + 1)
          let taken: unknown
          try {
            taken = parseJson(broken).value
          } catch (error) {
            expect(error).toMatchObject({ code: 'JSON_INVALID' })
            return
          }
          expect(taken).toEqual(JSON.parse(broken))
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('limits', () => {
  test('a document has at most 4 MiB, in bytes, unless said otherwise', () => {
    const text = `"${'é'.repeat(2 << 20)}"`
    expect(code(() => parseJson(text))).toBe('LIMIT_EXCEEDED')
    expect(code(() => parseJson(encoder.encode(text)))).toBe('LIMIT_EXCEEDED')
    expect(parseJson(text, { maxSize: 5 << 20 }).value).toHaveLength(2 << 20)
    expect(code(() => parseJson('[1,2]', { maxSize: 4 }))).toBe('LIMIT_EXCEEDED')
    expect(code(() => parseJson('[1,2]', { maxSize: 5 }))).toBeUndefined()
  })

  test('nesting has an end', () => {
    const deep = (n: number): string => '['.repeat(n) + ']'.repeat(n)
    expect(code(() => parseJson(deep(128)))).toBeUndefined()
    expect(code(() => parseJson(deep(129)))).toBe('JSON_INVALID')
    expect(code(() => parseJson('{"a":'.repeat(200_000)))).toBe('JSON_INVALID')
    expect(code(() => parseJson('[[1]]', { maxDepth: 1 }))).toBe('JSON_INVALID')
  })

  test('so has the number of objects', () => {
    const many = `[${'[1],'.repeat(200_000)}1]`
    expect(code(() => parseJson(many))).toBe('LIMIT_EXCEEDED')
    expect(code(() => parseJson('[[1],[1]]', { maxContainers: 2 }))).toBe('LIMIT_EXCEEDED')
    expect(code(() => parseJson('[[1],[1]]', { maxContainers: 3 }))).toBeUndefined()
  })
})

describe('structural names', () => {
  const structure = { layers: { size: null, k: null }, annotations: null }

  test.each([
    ['{"Layers":[]}'],
    ['{"layers":[],"LAYERS":[]}'],
    ['{"layers":[{"Size":1}]}'],
    ['{"layers":{"siZe":1}}'],
    ['{"layer\\u017f":[]}'],
    ['{"layers":[{"\\u212a":1}]}'],
  ])('%s is refused: Go would take it for another', (text) => {
    expect(() => parseJson(text, { structure })).toThrow(
      expect.objectContaining({
        code: 'JSON_INVALID',
        message: expect.stringContaining('differs only in case'),
      }),
    )
  })

  test.each([
    ['{"annotations":{"Layers":"x","layers":"y"}}'],
    ['{"other":{"Layers":1}}'],
    ['{"layerß":1,"lay":2}'],
  ])('%s passes', (text) => {
    expect(parseJson(text, { structure }).value).toEqual(JSON.parse(text))
  })
})

describe('the bytes that a value came from', () => {
  const text = ' {"b" : {"2":1, "1":12345678901234567890}, "a": [ 1.0, "\\u0041" ], "n": null} \n'

  test('are kept, of the whole and of each part', () => {
    const value = parseJson(encoder.encode(text)).value as { a: unknown; b: unknown }
    expect(decoder.decode(rawBytes(value))).toBe(text)
    expect(decoder.decode(rawBytes(value.b))).toBe('{"2":1, "1":12345678901234567890}')
    expect(decoder.decode(rawBytes(value.a))).toBe('[ 1.0, "\\u0041" ]')
    expect(rawBytes({ ...value })).toBeUndefined()
    expect(rawBytes('text')).toBeUndefined()
  })

  test('do not change with the array that was parsed', () => {
    const bytes = encoder.encode('{"a":1}')
    const document = parseJson(bytes)
    bytes.fill(0x20)
    expect(decoder.decode(document.bytes)).toBe('{"a":1}')
    document.bytes.fill(0)
    expect(decoder.decode(rawBytes(document.value))).toBe('{"a":1}')
  })
})

describe('serializing', () => {
  const write = (value: unknown): string => decoder.decode(serializeJson(value))

  test('gives a document that is not changed its own bytes', () => {
    const text = '{ "9":1,\n"1": 1e3 }\n'
    expect(write(parseJson(text).value)).toBe(text)
  })

  test('gives a changed copy the bytes of what was not changed', () => {
    const value = parseJson(
      '{"x": {"9":1, "1":12345678901234567890},"__proto__": [ 1.0 ],"y":"\\u0041"}',
    ).value
    expect(write({ ...(value as object), z: [value] })).toBe(
      '{"x":{"9":1, "1":12345678901234567890},"__proto__":[ 1.0 ],"y":"A",' +
        '"z":[{"x": {"9":1, "1":12345678901234567890},"__proto__": [ 1.0 ],"y":"\\u0041"}]}',
    )
  })

  test('leaves white space around a document out when it stands in another', () => {
    expect(write([parseJson(' [1]\n').value])).toBe('[[1]]')
  })

  test('writes bigints, and leaves out what is undefined', () => {
    expect(write({ a: 2n ** 64n, b: undefined, c: Object.create(null) })).toBe(
      '{"a":18446744073709551616,"c":{}}',
    )
  })

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['an undefined element', [undefined]],
    ['a function', { a: () => 1 }],
    ['a symbol', Symbol('a')],
    ['NaN', Number.NaN],
    ['an infinity', [Number.NEGATIVE_INFINITY]],
    ['an integer whose digits are lost', { a: 2 ** 53 }],
    ['half a surrogate pair', '\ud800'],
    ['a noncharacter', '\uffff'],
    ['half a surrogate pair in a name', { '\udc00': 1 }],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['bytes', new Uint8Array(1)],
  ])('refuses %s', (_, value) => {
    expect(code(() => serializeJson(value))).toBe('ARGUMENT_INVALID')
  })

  test('refuses a value that holds itself', () => {
    const value: Record<string, unknown> = {}
    value.self = value
    expect(code(() => serializeJson(value))).toBe('ARGUMENT_INVALID')
  })

  test('gives what a parse takes back', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        const plain = JSON.parse(JSON.stringify(value), (_, each) =>
          typeof each === 'number' && Number.isInteger(each) && !Number.isSafeInteger(each) ? 0 : each,
        )
        expect(parseJson(serializeJson(plain)).value).toEqual(plain)
      }),
    )
  })
})
