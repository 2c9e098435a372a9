/**
 * Platforms: what an image runs on.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-index.md#image-index-property-descriptions
 */

/** What an image runs on; values as Go's GOOS and GOARCH spell them. */
export interface Platform {
  readonly architecture: string
  readonly os: string
  readonly 'os.version'?: string | undefined
  readonly 'os.features'?: readonly string[] | undefined
  readonly variant?: string | undefined
  readonly features?: readonly string[] | undefined
}
