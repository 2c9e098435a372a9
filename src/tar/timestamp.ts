/** Times in PAX records: decimal seconds since 1970, with as many digits after the point as there are. */
import { OciError } from '../errors.ts'
import type { Timestamp } from './header.ts'

const grammar = /^(-?)(\d+)(?:\.(\d*))?$/

/** The moment that a PAX record gives, cut to nanoseconds, or undefined where the text is none. */
export function parsePaxTime(text: string): Timestamp | undefined {
  const parts = grammar.exec(text)
  if (parts === null) return undefined
  const negative = parts[1] === '-'
  const seconds = Number(parts[2])
  const nanoseconds = Number((parts[3] ?? '').slice(0, 9).padEnd(9, '0'))
  // A negative fraction borrows a second, which must be exact as well.
  const borrowed = negative && nanoseconds > 0 ? 1 : 0
  if (seconds > Number.MAX_SAFE_INTEGER - borrowed) return undefined
  if (!negative) return { seconds, nanoseconds }
  if (nanoseconds === 0) return { seconds: 0 - seconds, nanoseconds }
  return { seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds }
}

/** The text of a PAX record for a moment: without a point where there is no fraction, without zeros at its end. */
export function formatPaxTime(time: Timestamp): string {
  const { seconds, nanoseconds } = time
  if (nanoseconds === 0) return String(seconds)
  const negative = seconds < 0
  const whole = negative ? -(seconds + 1) : seconds
  const fraction = negative ? 1e9 - nanoseconds : nanoseconds
  return `${negative ? '-' : ''}${whole}.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`
}

/**
 * A moment from what callers have: a {@link Timestamp}, a `Date` (to the millisecond), or a number of seconds,
 * which is taken to the microsecond (a number of today's size holds no more).
 * @throws OciError `ARGUMENT_INVALID`
 */
export function toTimestamp(time: Timestamp | number | Date): Timestamp {
  if (time instanceof Date) {
    const milliseconds = time.getTime()
    const seconds = Math.floor(milliseconds / 1000)
    return checked({ seconds, nanoseconds: (milliseconds - seconds * 1000) * 1e6 })
  }
  if (typeof time !== 'number') return checked(time)
  const seconds = Math.floor(time)
  const microseconds = Math.round((time - seconds) * 1e6)
  return checked(
    microseconds === 1e6
      ? { seconds: seconds + 1, nanoseconds: 0 }
      : { seconds, nanoseconds: microseconds * 1000 },
  )
}

function checked(time: Timestamp): Timestamp {
  const { seconds, nanoseconds } = time
  if (
    !Number.isSafeInteger(seconds) ||
    !Number.isInteger(nanoseconds) ||
    nanoseconds < 0 ||
    nanoseconds > 999_999_999
  ) {
    throw new OciError(
      'ARGUMENT_INVALID',
      `A time must have whole seconds and 0 to 999999999 nanoseconds, not ${seconds} and ${nanoseconds}`,
    )
  }
  return time
}
