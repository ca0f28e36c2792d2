/**
 * Reading foreign JSON loosely: what is missing or of another type reads as empty. Field names match without
 * regard to case, as they do in Go's decoder (https://pkg.go.dev/encoding/json#Unmarshal).
 */

export type JsonObject = Readonly<Record<string, unknown>>

const EMPTY: JsonObject = Object.freeze({})

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value of the field, or undefined; an exact match goes before one in another case. */
export function field(object: JsonObject, name: string): unknown {
  const exact = object[name]
  if (exact !== undefined) return exact
  for (const key in object) {
    if (key.length === name.length && key.toLowerCase() === name.toLowerCase()) return object[key]
  }
  return undefined
}

export function text(object: JsonObject, name: string): string {
  const value = field(object, name)
  return typeof value === 'string' ? value : ''
}

export function object(parent: JsonObject, name: string): JsonObject {
  const value = field(parent, name)
  return isObject(value) ? value : EMPTY
}

function list(parent: JsonObject, name: string): readonly unknown[] {
  const value = field(parent, name)
  return Array.isArray(value) ? value : []
}

export function texts(parent: JsonObject, name: string): string[] {
  return list(parent, name).filter((item) => typeof item === 'string')
}

export function objects(parent: JsonObject, name: string): JsonObject[] {
  return list(parent, name).filter(isObject)
}
