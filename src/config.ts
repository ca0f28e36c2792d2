import { readFileSync } from 'node:fs'
import { envSchema } from 'env-schema'
import {
  parseChannels,
  parseDuration,
  parseListenAddress,
  parsePageUrl,
  parseSigningSecrets,
  parseSize,
  parseTargetUrl,
  type ChannelRoute,
  type ListenAddress,
} from './config/parse.ts'
import { Secret } from './secret.ts'

/**
 * The settings of the service. This is the only place that knows the names of variables and their defaults;
 * everything else is handed the parsed `Config`.
 */
export interface Config {
  readonly listen: ListenAddress
  readonly logLevel: string
  /** The folder that holds the store. */
  readonly dataDir: string
  /** The cluster of daemons that connect without a path prefix. */
  readonly clusterName: string
  /** The largest event that is taken, in bytes. */
  readonly maxEventBytes: number
  /** For how long a repeated event is recognised, in milliseconds. */
  readonly duplicateWindowMs: number
  readonly retention: { readonly maxAgeMs: number; readonly maxBytes: number }
  readonly links: LinkConfig
  /** In the order of EXPORTER_TYPE, each once; an exporter that is not named has no settings here. */
  readonly slack?: SlackConfig
  readonly webhook?: WebhookConfig
  /** Settings of the original that are given, but do nothing here: worth a warning. */
  readonly ignored: readonly string[]
}

export interface LinkConfig {
  /** The repository's page, without a trailing slash; empty when messages carry no links. */
  readonly repository: string
  readonly style: LinkStyle
}

const LINK_STYLES = ['auto', 'github', 'gitlab', 'bitbucket', 'bitbucket-server', 'azure', 'gitea'] as const
export type LinkStyle = (typeof LINK_STYLES)[number]

export interface SlackConfig {
  readonly url: Secret
  readonly token?: Secret
  readonly username: string
  readonly iconEmoji: string
  readonly channels: readonly ChannelRoute[]
}

export interface WebhookConfig {
  readonly url: Secret
  /** Newest first; empty when requests are not signed. */
  readonly signingSecrets: readonly Secret[]
  readonly requestsPerSecond: number
}

interface Setting {
  readonly type: 'string'
  readonly default?: string
  readonly format?: string
  readonly enum?: readonly string[]
  /** What to write, shown when the value is missing or wrong. */
  readonly description: string
}

const EXPORTERS = ['slack', 'webhook'] as const

/** Every setting, as a JSON schema: all are text in the environment, and `format` names the notation. */
export const settings = {
  LISTEN_ADDRESS: {
    type: 'string',
    default: ':3031',
    format: 'listen-address',
    description: 'the address to listen on: ":3031", "host:port", "[::1]:3031" or a bare port',
  },
  LOG_LEVEL: {
    type: 'string',
    default: 'info',
    enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    description: 'one of fatal, error, warn, info, debug, trace, silent',
  },
  DATA_DIR: {
    type: 'string',
    default: './data',
    description: 'the folder for the store; it must be writable, and not on a network file system',
  },
  CLUSTER_NAME: {
    type: 'string',
    default: 'default',
    description: 'the name of the cluster whose daemon connects without a path prefix',
  },
  MAX_EVENT_SIZE: {
    type: 'string',
    default: '16MiB',
    format: 'size',
    description: 'the largest event to take, such as "16MiB"',
  },
  DUPLICATE_WINDOW: {
    type: 'string',
    default: '24h',
    format: 'duration',
    description: 'for how long a repeated event is recognised, such as "24h"',
  },
  RETENTION_AGE: {
    type: 'string',
    default: '30d',
    format: 'duration',
    description: 'how long finished events are kept, such as "30d"',
  },
  RETENTION_SIZE: {
    type: 'string',
    default: '512MiB',
    format: 'size',
    description: 'how large the store may grow before the oldest finished events go, such as "512MiB"',
  },
  EXPORTER_TYPE: {
    type: 'string',
    default: 'slack',
    format: 'exporters',
    description: `where to tell people, comma separated, of: ${EXPORTERS.join(', ')}`,
  },
  GITHUB_URL: {
    type: 'string',
    default: '',
    format: 'page-url',
    description: 'the web page of the repository that Flux syncs, such as "https://github.com/acme/deploy"',
  },
  LINK_STYLE: {
    type: 'string',
    default: 'auto',
    enum: LINK_STYLES,
    description: `how the repository's host writes commit links: one of ${LINK_STYLES.join(', ')}`,
  },
  SLACK_URL: {
    type: 'string',
    format: 'target-url',
    description:
      'the incoming webhook ("https://hooks.slack.com/services/…"), or "https://slack.com/api/chat.postMessage" with a SLACK_TOKEN',
  },
  SLACK_TOKEN: {
    type: 'string',
    description: 'a bot token ("xoxb-…") with the scopes chat:write and chat:write.customize',
  },
  SLACK_CHANNEL: {
    type: 'string',
    format: 'channels',
    description: 'a channel ("#deployments"), or channels by namespace ("#team-a=team-a,#ops=*")',
  },
  SLACK_USERNAME: {
    type: 'string',
    default: 'Flux Deployer',
    description: 'the name that messages are posted under',
  },
  SLACK_ICON_EMOJI: {
    type: 'string',
    default: ':star-struck:',
    description: 'the emoji that messages are posted with, such as ":rocket:"',
  },
  WEBHOOK_URL: {
    type: 'string',
    format: 'target-url',
    description: 'the address that events are posted to, such as "https://example.com/flux"',
  },
  WEBHOOK_SECRET: {
    type: 'string',
    format: 'signing-secrets',
    description:
      'a signing secret, "whsec_" and the base64 of 24 to 64 random bytes; two, comma separated, while rotating',
  },
  WEBHOOK_RATE: {
    type: 'string',
    default: '10',
    format: 'rate',
    description: 'how many requests a second the webhook takes, such as "10"',
  },
} as const satisfies Record<string, Setting>

/** Who comes from the original may have written these as filters, and would wonder why everything is told now. */
const WITHOUT_EFFECT = ['BODY_TEMPLATE', 'TITLE_TEMPLATE', 'COMMIT_TEMPLATE', 'JAEGER_ENDPOINT']

type SettingName = keyof typeof settings

/** Settings whose value is a credential: never printed, and readable from the file named by `NAME_FILE`. */
const SECRETS = ['SLACK_URL', 'SLACK_TOKEN', 'WEBHOOK_URL', 'WEBHOOK_SECRET'] as const satisfies SettingName[]

/** What each exporter cannot do without. */
const REQUIRED: Record<(typeof EXPORTERS)[number], readonly SettingName[]> = {
  slack: ['SLACK_URL', 'SLACK_CHANNEL'],
  webhook: ['WEBHOOK_URL'],
}

const formats: Record<string, (text: string) => unknown> = {
  'listen-address': parseListenAddress,
  size: parseSize,
  duration: parseDuration,
  // Empty stays valid: it is how an optional setting without a default says "not set".
  'page-url': (text) => text === '' || parsePageUrl(text),
  'target-url': parseTargetUrl,
  channels: parseChannels,
  'signing-secrets': parseSigningSecrets,
  exporters: (text) => parseExporters(text).unknown.length === 0 && parseExporters(text).known.size > 0,
  rate: parseRate,
}

type Environment = Readonly<Record<string, string | undefined>>
type Values = { [name in SettingName]?: string }

/** All that is wrong with the settings, by name and with what to write; holds no secret value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`${problems.length === 1 ? '1 setting needs' : `${problems.length} settings need`} attention`)
    this.problems = problems
  }
}

/**
 * Reads the settings from `env`. As the original did, an empty variable counts as one that is not set.
 *
 * @throws {ConfigError} naming every problem at once
 */
export function loadConfig(env: Environment): Config {
  const problems: string[] = []
  const given = readEnvironment(env, problems)
  const values = validate(given, problems)
  const exporters = parseExporters(values.EXPORTER_TYPE ?? settings.EXPORTER_TYPE.default).known
  for (const exporter of exporters) {
    for (const name of REQUIRED[exporter]) {
      if (given[name] === undefined && !problems.some((problem) => problem.startsWith(`${name}_FILE `))) {
        problems.push(`${name} is missing: ${settings[name].description}`)
      }
    }
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return toConfig(
    values,
    exporters,
    WITHOUT_EFFECT.filter((name) => (env[name] ?? '') !== ''),
  )
}

/** Every credential of the configuration, for the redactor. */
export function secretsOf({ slack, webhook }: Config): Secret[] {
  const secrets = [slack?.url, slack?.token, webhook?.url, ...(webhook?.signingSecrets ?? [])]
  return secrets.filter((secret) => secret !== undefined)
}

/** The known settings of `env`, those of `NAME_FILE` included, without the empty ones. */
function readEnvironment(env: Environment, problems: string[]): Values {
  const values: Values = {}
  for (const name of Object.keys(settings) as SettingName[]) {
    const value = env[name]?.trim()
    if (value !== undefined && value !== '') values[name] = value
  }
  for (const name of SECRETS) {
    const path = env[`${name}_FILE`]?.trim() ?? ''
    if (path === '') continue
    if (values[name] !== undefined) {
      problems.push(`${name}_FILE is set beside ${name}: keep one of the two`)
      continue
    }
    try {
      const value = readFileSync(path, 'utf8').trim()
      if (value === '') problems.push(`${name}_FILE names an empty file: ${path}`)
      else values[name] = value
    } catch (error) {
      problems.push(`${name}_FILE names a file that cannot be read: ${(error as Error).message}`)
    }
  }
  return values
}

interface SchemaError {
  readonly instancePath: string
}

/** The settings with defaults filled in; a wrong value is reported and left out. */
function validate(given: Values, problems: string[]): Values {
  try {
    return envSchema<Values>({
      schema: { type: 'object', properties: structuredClone(settings) },
      data: { ...given },
      env: false,
      ajv: {
        customOptions(ajv) {
          for (const [name, parse] of Object.entries(formats)) {
            ajv.addFormat(name, (text: string) => Boolean(parse(text)))
          }
          return ajv
        },
      },
    })
  } catch (error) {
    const errors = (error as { errors?: readonly SchemaError[] }).errors
    if (errors === undefined) throw error
    for (const { instancePath } of errors) {
      const name = instancePath.slice(1) as SettingName
      const isSecret = (SECRETS as readonly string[]).includes(name)
      const shown = isSecret ? 'is not usable' : `is ${JSON.stringify(given[name])}`
      problems.push(`${name} ${shown}: write ${settings[name].description}`)
    }
    return given
  }
}

function parseExporters(text: string): { known: Set<(typeof EXPORTERS)[number]>; unknown: string[] } {
  const known = new Set<(typeof EXPORTERS)[number]>()
  const unknown: string[] = []
  for (const part of text.split(',')) {
    const name = part.trim().toLowerCase()
    const exporter = EXPORTERS.find((candidate) => candidate === name)
    if (exporter !== undefined) known.add(exporter)
    else if (name !== '') unknown.push(name)
  }
  return { known, unknown }
}

function parseRate(text: string): number | undefined {
  const rate = /^\d{1,6}(\.\d{1,3})?$/.test(text) ? Number(text) : 0
  return rate > 0 ? rate : undefined
}

function toConfig(
  values: Values,
  exporters: ReadonlySet<(typeof EXPORTERS)[number]>,
  ignored: readonly string[],
): Config {
  const read = <T>(name: SettingName, parse: (text: string) => T | undefined): T => {
    const parsed = parse(values[name] ?? '')
    // The schema has checked the format, so this is a mistake in this file and not in the environment.
    if (parsed === undefined) throw new TypeError(`${name} passed its format but could not be parsed`)
    return parsed
  }
  const text = (name: SettingName): string => values[name] ?? ''
  const secret = (name: (typeof SECRETS)[number]): Secret => new Secret(text(name))
  return {
    listen: read('LISTEN_ADDRESS', parseListenAddress),
    logLevel: text('LOG_LEVEL'),
    dataDir: text('DATA_DIR'),
    clusterName: text('CLUSTER_NAME'),
    maxEventBytes: read('MAX_EVENT_SIZE', parseSize),
    duplicateWindowMs: read('DUPLICATE_WINDOW', parseDuration),
    retention: {
      maxAgeMs: read('RETENTION_AGE', parseDuration),
      maxBytes: read('RETENTION_SIZE', parseSize),
    },
    links: {
      repository: text('GITHUB_URL').replace(/\/+$/, ''),
      style: read('LINK_STYLE', (style) => LINK_STYLES.find((candidate) => candidate === style)),
    },
    ...(exporters.has('slack') && {
      slack: {
        url: secret('SLACK_URL'),
        ...(values.SLACK_TOKEN !== undefined && { token: secret('SLACK_TOKEN') }),
        username: text('SLACK_USERNAME'),
        iconEmoji: text('SLACK_ICON_EMOJI'),
        channels: read('SLACK_CHANNEL', parseChannels),
      },
    }),
    ...(exporters.has('webhook') && {
      webhook: {
        url: secret('WEBHOOK_URL'),
        signingSecrets: (values.WEBHOOK_SECRET === undefined
          ? []
          : read('WEBHOOK_SECRET', parseSigningSecrets)
        ).map((value) => new Secret(value)),
        requestsPerSecond: read('WEBHOOK_RATE', parseRate),
      },
    }),
    ignored,
  }
}
