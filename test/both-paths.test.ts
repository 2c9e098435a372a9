/** The two ways in which vitest.config.ts runs the same tests are two. */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { accelerator } from '../src/runtime.ts'

test('what the project is called is the path that its tests run on', ({ task }) => {
  const { projectName } = task.file
  expect(['accelerated', 'portable']).toContain(projectName)
  expect(accelerator('node:crypto')?.createHash).toBe(projectName === 'portable' ? undefined : createHash)
})
