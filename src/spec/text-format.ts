/** The formats that image-spec takes from elsewhere: dates (RFC 3339), URIs (RFC 3986), base64 (RFC 4648). */

const dateTime =
  /^(\d{4})-(\d{2})-(\d{2})[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

/**
 * What is wrong with a text as a date and time, as the end of a sentence, or undefined where nothing is.
 * @see https://datatracker.ietf.org/doc/html/rfc3339#section-5.6
 */
export function dateTimeProblem(text: string): string | undefined {
  const match = dateTime.exec(text)
  if (match === null) return 'is not a date and time such as 2024-02-29T12:00:00Z (RFC 3339)'
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])]
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month))
    return 'names a day that does not exist'
  return undefined
}

function daysOf(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

const ipLiteral = /^\[(?:[0-9A-Fa-f:.]+|v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\]$/

/**
 * What is wrong with a text as a URI, as the end of a sentence, or undefined where nothing is. A relative
 * reference is no URI.
 * @see https://datatracker.ietf.org/doc/html/rfc3986#appendix-A
 */
export function uriProblem(text: string): string | undefined {
  // One linear search for each rule: a single expression for the whole grammar would backtrack on hostile text.
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:/.exec(text)?.[0]
  if (scheme === undefined) return 'is not a URI: it has no scheme such as https: (RFC 3986)'
  if (/[^A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]/.test(text)) {
    return 'is not a URI: it has a character that must be percent-encoded (RFC 3986)'
  }
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) {
    return 'is not a URI: "%" must be followed by two hexadecimal digits (RFC 3986)'
  }
  let rest = text.slice(scheme.length)
  if (rest.startsWith('//')) {
    const length = rest.slice(2).search(/[/?#]/)
    const authority = length < 0 ? rest.slice(2) : rest.slice(2, 2 + length)
    rest = rest.slice(2 + authority.length)
    const hostAndPort = authority.slice(authority.lastIndexOf('@') + 1)
    if (authority.slice(0, authority.length - hostAndPort.length - 1).includes('@')) {
      return 'is not a URI: "@" is there twice before its path (RFC 3986)'
    }
    const port = /:[0-9]*$/.exec(hostAndPort)?.[0] ?? ''
    const host = hostAndPort.slice(0, hostAndPort.length - port.length)
    if (/[[\]:]/.test(host) && !ipLiteral.test(host))
      return 'is not a URI: its host or port is malformed (RFC 3986)'
    rest = authority.slice(0, authority.length - hostAndPort.length) + rest
  }
  if (/[[\]]/.test(rest))
    return 'is not a URI: "[" and "]" must be percent-encoded outside of a host (RFC 3986)'
  if (rest.indexOf('#') !== rest.lastIndexOf('#')) return 'is not a URI: "#" is there twice (RFC 3986)'
  return undefined
}

/**
 * The bytes of a base64 text with padding, or undefined where it is not one: no white space, no other alphabet.
 * @see https://datatracker.ietf.org/doc/html/rfc4648#section-4
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  // `atob` alone would pass white space and missing padding.
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}

/**
 * The base64 text of bytes, with padding.
 * @see https://datatracker.ietf.org/doc/html/rfc4648#section-4
 */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = ''
  // In pieces, since arguments of a call are limited in number.
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192))
  return btoa(binary)
}
