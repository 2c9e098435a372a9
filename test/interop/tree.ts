/** Trees on disk, compared file by file: what differs is said by path, not as two long lists. */
import { type ListedFile, listTree } from '../filesystem/tree.ts'

export { type ListedFile, listTree } from '../filesystem/tree.ts'

/** The differences between two trees, each as a line; none where they are the same. */
export function treeDifferences(
  actual: string,
  expected: string,
  ignore: (file: ListedFile) => Partial<ListedFile> = () => ({}),
): string[] {
  const byPath = (root: string) =>
    new Map(listTree(root).map((file) => [file.path, { ...file, ...ignore(file) }]))
  const [found, wanted] = [byPath(actual), byPath(expected)]
  const lines: string[] = []
  for (const [path, file] of wanted) {
    const other = found.get(path)
    if (other === undefined) {
      lines.push(`${path}: missing`)
      continue
    }
    for (const key of Object.keys(file) as (keyof ListedFile)[]) {
      if (file[key] !== other[key]) lines.push(`${path}: ${key} is ${other[key]}, not ${file[key]}`)
    }
  }
  for (const path of found.keys()) if (!wanted.has(path)) lines.push(`${path}: too many`)
  return lines
}
