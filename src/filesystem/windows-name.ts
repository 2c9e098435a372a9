/** Names that Windows reads otherwise than they are written: what other systems take for one plain name. */
import { OciError } from '../errors.ts'

/**
 * Refuses a path that is more, or another, on Windows than it says: with a backslash, a drive or stream (`C:`,
 * `a:b`), a device's name (`NUL`, `com1.txt`), a dot or space at a name's end, or a character no name may have.
 * @param entry The entry's name, for the error.
 * @throws OciError `PATH_UNSAFE`
 */
export function refuseWindowsName(path: string, entry: string): void {
  for (const name of path.split('/')) {
    if (!STRANGE.test(name) && !DEVICE.test(name)) continue
    throw new OciError(
      'PATH_UNSAFE',
      `Entry ${JSON.stringify(entry)} is refused: Windows takes the name ${JSON.stringify(name)} for another, or for none`,
      { path: entry },
    )
  }
}

const STRANGE = /[\\:<>"|?*\x00-\x1f]|[. ]$/

const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?$/i
