import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const noDefaultExports = {
  'no-restricted-exports': [
    'error',
    { restrictDefaultExports: { direct: true, named: true, defaultFrom: true, namedFrom: true, namespaceFrom: true } },
  ],
};

export default tseslint.config(
  { ignores: ['**/dist/**', 'server/src/generated/**', '.vscode-test/**', '.host/**', 'out/**', 'test/fixtures/**'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    rules: {
      ...noDefaultExports,
      eqeqeq: ['error', 'always'],
      'prefer-const': 'error',
      'no-console': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    // A program, and tests, speak through the console.
    files: ['server/src/cli/**/*.ts', 'test/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'console',
          'performance',
          'process',
          'setTimeout',
          'setInterval',
          'clearTimeout',
          'URL',
          'URLSearchParams',
          'fetch',
          'AbortSignal',
          'Buffer',
        ].map((name) => [name, 'readonly']),
      ),
    },
    rules: { ...noDefaultExports },
  },
  { files: ['eslint.config.mjs'], rules: { 'no-restricted-exports': 'off' } },
);
