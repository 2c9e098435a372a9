import { describe, test } from 'vitest'
import { MemoryStore } from '../../src/store/index.ts'
import { describeImageStore } from '../../src/testing/index.ts'

describeImageStore('MemoryStore', () => new MemoryStore(), { describe, test })
