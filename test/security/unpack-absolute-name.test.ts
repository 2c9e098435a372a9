/** Absolute names, with one slash or many (node-tar's CVE-2021-32804): they start at the root of the image. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { contained, site } from './outside.ts'

test.each(['', '/', '//', '////'])('%j before the path of a file outside', async (slashes) => {
  const at = site()
  const path = `${slashes}${at.outside.slice(1)}/new`
  await contained(at, [[{ path, content: 'evil' }]])
  expect(existsSync(join(at.root, at.outside, 'new'))).toBe(true)
  expect(existsSync(join(at.outside, 'new'))).toBe(false)
})
