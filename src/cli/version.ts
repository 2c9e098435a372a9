/** The version of the package, as `package.json` has it: a test holds the two equal. */
export const version: string = '0.1.0'
