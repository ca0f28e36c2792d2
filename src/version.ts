import packageJson from '../package.json' with { type: 'json' }

/** The service's version, by semantic versioning. */
export const version: string = packageJson.version
