import { vi } from 'vitest'

/**
 * How many characters `run` has rewritten by the methods of strings: a measure of work that no busy machine disturbs,
 * by which tests tell work that is bounded from work that grows with its input.
 */
export function rewrittenCharacters(run: () => void): number {
  let characters = 0
  const spies = (['replace', 'replaceAll', 'toWellFormed', 'normalize', 'split'] as const).map((name) => {
    const original = String.prototype[name] as (...args: unknown[]) => string
    return vi.spyOn(String.prototype, name).mockImplementation(function (this: string, ...args: unknown[]) {
      characters += this.length
      return original.apply(this, args)
    })
  })
  try {
    run()
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
  return characters
}
