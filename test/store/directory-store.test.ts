import { describe, test } from 'vitest'
import { DirectoryStore } from '../../src/store/index.ts'
import { describeImageStore } from '../../src/testing/index.ts'
import { temporaryDirectory } from './temporary-directory.ts'

describeImageStore('DirectoryStore', () => DirectoryStore.create(temporaryDirectory(), { sync: false }), {
  describe,
  test,
})

describeImageStore(
  'DirectoryStore with shared blobs',
  () =>
    DirectoryStore.create(temporaryDirectory(), { sync: false, sharedBlobDirectory: temporaryDirectory() }),
  // The list is of the layout's own blobs, and only these are deleted.
  { describe, test, without: ['list', 'delete'] },
)
