/** Jest in ESM. Tests import sources; workers run from the compiled build, which `npm test` makes first. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/libs', '<rootDir>/apps', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  modulePathIgnorePatterns: ['/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^@touchstone/([^/]+)$': '<rootDir>/libs/$1/index.ts',
    '^@touchstone/([^/]+)/(.+)$': '<rootDir>/libs/$1/$2.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  globalSetup: '<rootDir>/scripts/jest-setup.js',
  testSequencer: '<rootDir>/scripts/jest-sequencer.js',
  maxWorkers: 2,
  // Modules of a suite stay in memory after it (ESM in vm contexts): late suites would spend their time on collecting them.
  workerIdleMemoryLimit: '500MB',
  testTimeout: 30000,
};
