import { InvalidArgumentError } from 'commander'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  once,
  parseAssignment,
  parseCopy,
  parseFieldAssignment,
  parseFieldPath,
  parseLayerNumber,
  parseMode,
  parseMoment,
  parseReplacement,
  parseWords,
  sourceDateEpoch,
} from '../../src/cli/option-values.ts'

describe('NAME=VALUE', () => {
  test.each([
    ['A=b', { name: 'A', value: 'b' }],
    ['A=', { name: 'A', value: '' }],
    ['A=b=c', { name: 'A', value: 'b=c' }],
    ['A', { name: 'A', value: undefined }],
  ])('%s', (text, expected) => expect(parseAssignment(text)).toEqual(expected))
  test('needs a name', () => expect(() => parseAssignment('=b')).toThrow(/NAME=VALUE/))
})

describe('words', () => {
  test.each([
    ['', null],
    ['  ', null],
    ['serve  --port 80 ', ['serve', '--port', '80']],
    ['["sh","-c","echo \\"$HOME\\""]', ['sh', '-c', 'echo "$HOME"']],
    ['[]', []],
  ])('%j', (text, expected) => expect(parseWords(text)).toEqual(expected))

  test.each(['sh -c "a b"', "a 'b'", 'echo $HOME', 'a\\ b', 'a `b`', '["a",1]', '["a"', '{}"'])(
    '%j is refused, with what to write instead',
    (text) => expect(() => parseWords(text)).toThrow(/JSON/),
  )

  test('a JSON array of any strings comes out as it is', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (words) => {
        expect(parseWords(JSON.stringify(words))).toEqual(words)
      }),
    )
  })
})

describe('numbers of layers', () => {
  test('count from 1', () => expect([parseLayerNumber('1'), parseLayerNumber('12')]).toEqual([0, 11]))
  test.each(['0', '-1', '1.5', '', 'x', '1e3', '0x1'])('%j is none', (text) =>
    expect(() => parseLayerNumber(text)).toThrow(/1 is the lowest/),
  )
  test('with what comes in their place', () => {
    expect(parseReplacement('2=a=b.tar')).toEqual({ position: 1, path: 'a=b.tar' })
    expect(() => parseReplacement('2')).toThrow(/NUMBER=PATH/)
    expect(() => parseReplacement('2=')).toThrow(/NUMBER=PATH/)
    expect(() => parseReplacement('x=y')).toThrow(/1 is the lowest/)
  })
})

describe('moments', () => {
  test.each([
    ['0', 0],
    ['1700000000', 1700000000],
    ['-1', -1],
    ['2024-01-31T12:00:00Z', '2024-01-31T12:00:00Z'],
  ])('%s', (text, expected) => expect(parseMoment(text)).toBe(expected))
  test.each(['', 'yesterday', '99999999999999999'])('%j is none', (text) =>
    expect(() => parseMoment(text)).toThrow(/seconds since 1970/),
  )
  test('SOURCE_DATE_EPOCH', () => {
    expect(sourceDateEpoch({})).toBeUndefined()
    expect(sourceDateEpoch({ SOURCE_DATE_EPOCH: '' })).toBeUndefined()
    expect(sourceDateEpoch({ SOURCE_DATE_EPOCH: '1700000000' })).toBe(1700000000)
    expect(() => sourceDateEpoch({ SOURCE_DATE_EPOCH: 'now' })).toThrow(
      expect.objectContaining({ code: 'ARGUMENT_INVALID' }),
    )
  })
})

describe('places in a document', () => {
  test.each([
    ['config', ['config']],
    ['config.Healthcheck', ['config', 'Healthcheck']],
    ['history[0].comment', ['history', 0, 'comment']],
    ['config.Labels["a.b"]', ['config', 'Labels', 'a.b']],
    ['a["]"]["\\""]', ['a', ']', '"']],
    ['os.8080', ['os', '8080']],
    ['[0]', [0]],
  ])('%s', (text, expected) => expect(parseFieldPath(text)).toEqual(expected))
  test.each(['.a', 'a.', 'a..b', 'a[', 'a[x]', 'a]', 'a["b]', 'a[0]b', 'a["b"]c'])('%j is none', (text) =>
    expect(() => parseFieldPath(text)).toThrow(/Give a place/),
  )

  test('with the JSON that comes there', () => {
    expect(parseFieldAssignment('a.b={"c":[1]}')).toEqual({ path: ['a', 'b'], value: { c: [1] } })
    expect(parseFieldAssignment('a["x=y"]="z=1"')).toEqual({ path: ['a', 'x=y'], value: 'z=1' })
    expect(parseFieldAssignment('a=')).toEqual({ path: ['a'], value: undefined })
    expect(parseFieldAssignment('a=null')).toEqual({ path: ['a'], value: null })
    expect(() => parseFieldAssignment('a')).toThrow(/PATH=JSON/)
    expect(() => parseFieldAssignment('=1')).toThrow(/PATH=JSON/)
    expect(() => parseFieldAssignment('a=text')).toThrow(/needs its quotes/)
  })

  test('any path that is quoted throughout comes out as it was', () => {
    const name = fc.string({ unit: 'binary', minLength: 1 })
    fc.assert(
      fc.property(fc.array(fc.oneof(name, fc.nat()), { minLength: 1 }), (path) => {
        const text = path.map((step) => `[${JSON.stringify(step)}]`).join('')
        expect(parseFieldAssignment(`${text}=1`)).toEqual({ path, value: 1 })
      }),
    )
  })
})

test('SOURCE:DESTINATION parts at the last colon before a slash', () => {
  expect(parseCopy('dist:/app')).toEqual({ source: 'dist', destination: '/app' })
  expect(parseCopy('C:\\dist:/app')).toEqual({ source: 'C:\\dist', destination: '/app' })
  expect(parseCopy('C:/dist:/app/')).toEqual({ source: 'C:/dist', destination: '/app/' })
  for (const text of ['dist', 'dist:app', ':/app', '']) {
    expect(() => parseCopy(text)).toThrow(/SOURCE:DESTINATION/)
  }
})

test('modes are octal', () => {
  expect([parseMode('755'), parseMode('0644')]).toEqual(['755', '0644'])
  for (const text of ['7', '999', '0o755', '12345']) expect(() => parseMode(text)).toThrow(/octal/)
})

test('what holds for all of the command may be said once', () => {
  const parse = once('--chown')
  expect(parse('1:1', undefined)).toBe('1:1')
  expect(() => parse('2:2', '1:1')).toThrow(InvalidArgumentError)
})
