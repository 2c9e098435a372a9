import { expect, test } from 'vitest'
import { peersProblem, peerTest, runPeer } from './peers.ts'
import { realImageTest } from './real-image.ts'

realImageTest('the real image has the layers that the other tests count on', ['skopeo'], async (image) => {
  const answer = await runPeer('skopeo', ['inspect', '--config', `oci:${image.layout}:${image.reference}`])
  const config = JSON.parse(answer.stdout) as {
    rootfs: { diff_ids: string[] }
    history: { created_by: string; empty_layer?: boolean }[]
  }
  expect(config.rootfs.diff_ids).toHaveLength(6)
  expect(config.history.filter((entry) => !entry.empty_layer).map((entry) => entry.created_by)).toEqual([
    'minbase',
    'many small files',
    'deletions',
    'changes of kind, owner, mode and content',
    'an opaque directory',
    'hard links, set-id, capabilities, attributes, special files, odd names',
  ])
})

peerTest(
  'what a peer answers comes back whole, and its failure is an error that says why',
  ['sh'],
  async () => {
    const echoed = await runPeer('sh', ['-c', 'cat; echo to stderr >&2'], { input: 'to stdin' })
    expect(echoed).toMatchObject({ status: 0, stdout: 'to stdin', stderr: 'to stderr\n' })
    await expect(runPeer('sh', ['-c', 'echo because >&2; exit 3'])).rejects.toThrow(/failed with 3: because/)
    expect(await runPeer('sh', ['-c', 'exit 3'], { mayFail: true })).toMatchObject({ status: 3 })
    await expect(runPeer('no-such-program', [], { mayFail: true })).rejects.toThrow(/ENOENT/)
  },
)

test('what is absent is named', () => {
  expect(peersProblem(['sh', 'no-such-program'])).toBe('no-such-program is not installed')
  expect(peersProblem(['sh'])).toBeUndefined()
})
