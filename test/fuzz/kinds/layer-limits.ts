/** Bounds that layers of the length of inputs can reach. */
export const layerLimits = {
  maxEntries: 60,
  maxPathLength: 3000,
  maxPaxSize: 6000,
  maxPaxRecords: 60,
  maxXattrs: 12,
}

/** And how large one may become. */
export const sizedLayerLimits: typeof layerLimits & { readonly maxSize: number } = {
  ...layerLimits,
  maxSize: 1 << 21,
}
