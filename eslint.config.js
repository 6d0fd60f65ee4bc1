import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import prettier from 'eslint-config-prettier';
import globals from 'globals';
import tseslint from 'typescript-eslint';

const root = fileURLToPath(new URL('.', import.meta.url));
const { libsOf, pureFiles } = createRequire(import.meta.url)('./scripts/architecture-rules.cjs');
const pure = libsOf(root).flatMap((lib) => pureFiles(root, lib).map((file) => `libs/${lib}/${file}`));

/** A thread inside the database driver takes the whole process down when it is torn off. */
const everywhere = [
  {
    selector: "CallExpression[callee.object.name='process'][callee.property.name=/^(exit|abort|reallyExit)$/]",
    message: 'Let the process end by itself: close what is open, then set process.exitCode.',
  },
  {
    selector: "CallExpression[callee.property.name='terminate']",
    message: 'Never terminate a worker: send it a message, let it close its database, then close the port.',
  },
  {
    selector: "Identifier[name='forwardRef']",
    message: 'No forwardRef: the lib that owns the data adds the field.',
  },
];

const inPureFiles = [
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: 'A pure file has no clock: take the time from the context or the event.',
  },
  {
    selector: "CallExpression[callee.name='Date']",
    message: 'A pure file has no clock: take the time from the context or the event.',
  },
  {
    selector: "MemberExpression[object.name='Date'][property.name='now']",
    message: 'A pure file has no clock: take the time from the context or the event.',
  },
  {
    selector: "MemberExpression[object.name='performance']",
    message: 'A pure file has no clock: take the time from the context or the event.',
  },
  {
    selector: "MemberExpression[object.name='Math'][property.name='random']",
    message: 'A pure file throws no dice: take ids from the context.',
  },
  {
    selector: 'CallExpression[callee.name=/^(randomUUID|setTimeout|setInterval|setImmediate|fetch)$/]',
    message: 'A pure file makes no ids, waits for nothing and asks nobody.',
  },
  {
    selector: "CallExpression[callee.property.name='randomUUID']",
    message: 'A pure file throws no dice: take ids from the context.',
  },
  {
    selector: "MemberExpression[object.name='process']",
    message: 'A pure file knows no process.',
  },
];

export default tseslint.config(
  { ignores: ['**/dist/**', 'node_modules/**', 'coverage/**', 'data/**'] },
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: { 'no-restricted-syntax': ['error', ...everywhere] },
  },
  {
    files: ['**/*.js', '**/*.cjs', '**/*.mjs'],
    extends: [tseslint.configs.recommended],
    languageOptions: { globals: globals.node },
    rules: { '@typescript-eslint/no-require-imports': 'off', eqeqeq: 'error', 'no-undef': 'error' },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { project: ['./tsconfig.json'], tsconfigRootDir: root } },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'max-lines': ['warn', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['warn', { max: 50, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/only-throw-error': 'error',
    },
  },
  {
    files: pure,
    rules: { 'no-restricted-syntax': ['error', ...everywhere, ...inPureFiles] },
  },
  {
    files: [
      '**/*.spec.ts',
      '**/testing.ts',
      '**/*.spec-kit.ts',
      '**/*.contract.ts',
      '**/*.contract.*.ts',
      'test/**/*.ts',
    ],
    rules: { 'max-lines': 'off', 'max-lines-per-function': 'off' },
  },
  {
    // Threads and processes that tests let die on purpose.
    files: ['libs/*/spec/**/*.ts'],
    rules: { 'no-restricted-syntax': 'off', 'max-lines-per-function': 'off' },
  },
  {
    files: ['apps/cli/**/*.ts', 'bin/**/*.js', 'scripts/**/*.js'],
    rules: { 'no-console': 'off' },
  },
  prettier,
);
