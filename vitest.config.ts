import { defineConfig } from 'vitest/config'

/** They start processes that want the machine for themselves: side by side they would only disturb each other. */
const HEAVY = [
  'test/crash/**/*.test.ts',
  'test/conformance/**/*.test.ts',
  'test/demo/**/*.test.ts',
  'test/main.test.ts',
]

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: HEAVY,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'whole', include: HEAVY, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
  },
})
