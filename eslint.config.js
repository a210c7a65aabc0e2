import js from '@eslint/js';
import { existsSync } from 'node:fs';
import path from 'node:path';
import tseslint from 'typescript-eslint';

const typescript = ['**/*.ts', '**/*.tsx'];

/** Relative imports name the file they mean: Node and the bundler then agree without a resolver. */
const importExtension = {
  meta: { type: 'problem', schema: [], messages: { extension: 'Name the file: {{ expected }}' } },
  create(context) {
    const check = ({ source }) => {
      if (typeof source?.value !== 'string' || !source.value.startsWith('.')) return;
      const [request] = source.value.split('?');
      if (/\.(ts|tsx|mjs|js|cjs|json|css|svg|png|woff2)$/.test(request)) return;
      const folder = path.dirname(context.filename);
      const found = ['.ts', '.tsx', '/index.ts'].find((end) => existsSync(path.join(folder, request + end)));
      context.report({ node: source, messageId: 'extension', data: { expected: `'${request}${found ?? '.ts'}'` } });
    };
    return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check, ImportExpression: check };
  },
};

const restrictions = [
  { selector: 'TSEnumDeclaration', message: 'Only erasable syntax: use a union of literals.' },
  { selector: 'TSModuleDeclaration[kind="namespace"]', message: 'Only erasable syntax: use a module.' },
  { selector: 'TSParameterProperty', message: 'Only erasable syntax: declare and assign the property.' },
  { selector: 'TSAsExpression > TSAsExpression[typeAnnotation.typeName.name!="const"]', message: 'No double casts: write a check that narrows.' },
  { selector: 'TSTypeAssertion', message: 'No angle-bracket casts.' },
  { selector: 'ExportAllDeclaration', message: 'No barrels: import from the file that defines it.' },
];

export default tseslint.config(
  { ignores: ['node_modules/', 'out/', 'dist/', '.cache/', 'test-results/', 'demo-report/', 'playwright-report/', 'build/modelpack/**/*.py'] },
  js.configs.recommended,
  {
    files: typescript,
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    plugins: { house: { rules: { 'import-extension': importExtension } } },
    rules: {
      'house/import-extension': 'error',
      'no-restricted-syntax': ['error', ...restrictions],
      'no-console': 'error',
      'no-empty': ['error', { allowEmptyCatch: false }],
      'prefer-const': 'error',
      eqeqeq: ['error', 'always'],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // With noUncheckedIndexedAccess every read of a typed array is `number | undefined`; inside proven bounds `!` is the plain answer.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Without the strict index check this rule would call honest guards needless.
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: 'only-allowed-literals' }],
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // Graph notation and format headers are ASCII; spreading such a string is spreading its characters.
      '@typescript-eslint/no-misused-spread': ['error', { allow: ['string'] }],
      '@typescript-eslint/unified-signatures': 'off',
      '@typescript-eslint/no-unsafe-enum-assignment': 'off', // there are no enums; it costs a tenth of the time
    },
  },
  {
    // Programs, not libraries: they talk to a terminal.
    files: ['main/entry/**', 'build/**', 'test/**'],
    // Playwright reads which fixtures a function needs from its first parameter, `{}` if none.
    rules: { 'no-console': 'off', 'no-empty-pattern': ['error', { allowObjectPatternsAsParameters: true }] },
  },
  {
    files: ['build/**/*.mjs', 'eslint.config.js'],
    languageOptions: { globals: { process: 'readonly', Buffer: 'readonly', performance: 'readonly', setTimeout: 'readonly', clearTimeout: 'readonly', fetch: 'readonly' } },
    rules: { 'no-empty': ['error', { allowEmptyCatch: false }], eqeqeq: ['error', 'always'], 'prefer-const': 'error' },
  },
);
