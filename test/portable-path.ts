/**
 * Takes away what accelerates (`node:crypto`, `node:zlib`, threads) before each test of a file: the project `portable`
 * of vitest.config.ts runs the files that it names on that path, just as they stand.
 */
import { beforeEach } from 'vitest'
import { setAccelerated } from '../src/runtime.ts'

// Files make their inputs when they are loaded; a test that switches by itself leaves acceleration on at its end.
setAccelerated(false)
beforeEach(() => setAccelerated(false))
