import { expect, expectTypeOf, test } from 'vitest'
import * as z from 'zod/mini'
import type { Descriptor, ImageConfig, ImageLayoutMarker, Index, Manifest } from '../../src/spec/index.ts'
import {
  descriptorSchema,
  type imageConfigSchema,
  type imageLayoutMarkerSchema,
  type indexSchema,
  manifestSchema,
} from '../../src/spec/index.ts'
import { flag, integer, listOf, nullish, optional, schemaOf, text } from '../../src/spec/schema.ts'

interface Person {
  readonly name: string
  readonly age?: number | undefined
  readonly names?: readonly string[] | null | undefined
}

test('a schema and its interface are held equal by the compiler', () => {
  const right = { name: text(), age: optional(integer()), names: nullish(listOf(text())) }
  schemaOf<Person>()(z.looseObject(right))
  // @ts-expect-error a member is missing
  schemaOf<Person>()(z.looseObject({ name: text(), age: optional(integer()) }))
  // @ts-expect-error a member is too many
  schemaOf<Person>()(z.looseObject({ ...right, other: text() }))
  // @ts-expect-error a member is of another type
  schemaOf<Person>()(z.looseObject({ ...right, name: flag() }))
  // @ts-expect-error a member is not optional
  schemaOf<Person>()(z.looseObject({ ...right, age: integer() }))
  // @ts-expect-error a member may be null that must not
  schemaOf<Person>()(z.looseObject({ ...right, age: nullish(integer()) }))
  // @ts-expect-error a member must not be null that may
  schemaOf<Person>()(z.looseObject({ ...right, names: optional(listOf(text())) }))
})

test('schemas vouch for the public types', () => {
  expectTypeOf<z.output<ReturnType<typeof descriptorSchema>>>().toEqualTypeOf<Descriptor>()
  expectTypeOf<z.output<ReturnType<typeof manifestSchema>>>().toEqualTypeOf<Manifest>()
  expectTypeOf<z.output<ReturnType<typeof indexSchema>>>().toEqualTypeOf<Index>()
  expectTypeOf<z.output<ReturnType<typeof imageConfigSchema>>>().toEqualTypeOf<ImageConfig>()
  expectTypeOf<z.output<ReturnType<typeof imageLayoutMarkerSchema>>>().toEqualTypeOf<ImageLayoutMarker>()
})

test('a schema is made once, and not before it is asked for', () => {
  expect(manifestSchema()).toBe(manifestSchema())
  const outer = z.object({ image: descriptorSchema() })
  expect(outer.safeParse({ image: {} }).success).toBe(false)
})
