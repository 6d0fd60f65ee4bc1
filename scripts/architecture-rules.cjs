/**
 * The house rules of imports, for dependency-cruiser; `rulesFor(root)` so that a test can aim them at a planted tree.
 *
 * Which files are pure is read off the tree: deciders (a file with samples beside it, or one that makes a decider),
 * samples, events, projections, processes, and every file of the same lib that these import.
 */
const { existsSync, readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');

/** What a lib may import of the others. Domain libs stand in the order of who builds on whom. */
const LAYERS = {
  eventing: [],
  readmodel: ['eventing'],
  platform: ['eventing'],
  packs: ['eventing', 'readmodel', 'platform'],
  journeys: ['eventing', 'readmodel', 'platform', 'packs'],
  interchange: ['eventing', 'readmodel', 'platform', 'packs', 'journeys'],
  delivery: ['eventing', 'readmodel', 'platform', 'packs', 'journeys'],
};

/** Files of a lib that others may import: the door, the light door (no Nest), the pure door, the test kit … */
const DOORS = ['/(?:index|read|pure|testing)\\.ts$', '^libs/readmodel/(?:projection|query|cube)\\.ts$'];

/** npm packages that pure files may reach, and only through the pure door: the schema builder. */
const PURE_NPM = ['typebox'];

const PURE_ROLE = /\.(samples|projection|process|events)\.ts$/;
const SPEC = '\\.spec\\.ts$|\\.spec-kit\\.ts$|/spec/';

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function sources(root, lib) {
  const dir = join(root, 'libs', lib);
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts') && !file.endsWith('.d.ts'))
    .filter((file) => !/(^|\/)(dist|node_modules)\//.test(file));
}

/** Relative imports and re-exports that are more than types. */
function valueImports(text) {
  const found = text.matchAll(/^(?:import|export)\s+(?!type\b)[^;'"]*?from\s+['"]\.\/([^'"]+)\.js['"]/gm);
  return [...found].map((match) => `${match[1]}.ts`);
}

/** Paths (from the lib's folder) of the pure files of a lib. */
function pureFiles(root, lib) {
  const text = textsOf(root, lib);
  const files = [...text.keys()];
  const starts = (file) =>
    lib === 'eventing'
      ? file === 'pure.ts'
      : PURE_ROLE.test(file) ||
        text.has(file.replace(/\.ts$/, '.samples.ts')) ||
        /=\s*decider(<[^(]*>)?\(/.test(text.get(file));
  return closure(files.filter(starts), text);
}

/** The given files and those of the same lib that they load, and that these load … */
function closure(starts, text) {
  const found = new Set();
  const open = [...starts];
  while (open.length > 0) {
    const file = open.pop();
    if (found.has(file) || !text.has(file)) continue;
    found.add(file);
    open.push(...valueImports(text.get(file)));
  }
  return [...found].sort();
}

const textsOf = (root, lib) =>
  new Map(sources(root, lib).map((file) => [file, readFileSync(join(root, 'libs', lib, file), 'utf8')]));

const libsOf = (root) => readdirSync(join(root, 'libs')).filter((lib) => lib in LAYERS);

const pathOf = (lib, files) => `^libs/${lib}/(?:${files.map(escape).join('|')})$`;

function pureRules(root) {
  return libsOf(root).flatMap((lib) => {
    const files = pureFiles(root, lib);
    if (files.length === 0) return [];
    const from = { path: pathOf(lib, files) };
    const npm = lib === 'eventing' ? PURE_NPM.map((name) => `^node_modules/${name}/`) : [];
    return [
      {
        name: `pure-${lib}`,
        comment: 'A pure file imports pure files of its lib and @touchstone/eventing/pure; of others only types.',
        severity: 'error',
        from,
        to: {
          pathNot: [pathOf(lib, files), '^libs/eventing/pure\\.ts$', ...npm],
          dependencyTypesNot: [
            'type-only',
            'core',
            'npm',
            'npm-dev',
            'npm-optional',
            'npm-peer',
            'npm-no-pkg',
            'unknown',
          ],
        },
      },
      {
        name: `pure-${lib}-no-packages`,
        comment: 'No Nest, no other npm package and no node module in a pure file, not even their types.',
        severity: 'error',
        from,
        to: { pathNot: ['^libs/', '^apps/', '^test/', ...npm] },
      },
    ];
  });
}

/** Worker threads load the light doors: nothing behind one may load Nest, nor a full door that would. */
function lightRules(root) {
  return libsOf(root).flatMap((lib) => {
    const files = closure(['read.ts'], textsOf(root, lib));
    if (files.length === 0) return [];
    return [
      {
        name: 'light-door-stays-light',
        comment: 'What a light door loads imports other libs through their light doors (read, pure), and no Nest.',
        severity: 'error',
        from: { path: pathOf(lib, files) },
        to: { path: ['^node_modules/@nestjs/', '^libs/[^/]+/index\\.ts$'], dependencyTypesNot: ['type-only'] },
      },
    ];
  });
}

function layerRules() {
  return Object.entries(LAYERS).map(([lib, allowed]) => ({
    name: `layer-${lib}`,
    comment: `libs/${lib} may import ${allowed.length === 0 ? 'no other lib' : allowed.join(', ')}.`,
    severity: 'error',
    from: { path: `^libs/${lib}/` },
    to: { path: '^libs/', pathNot: `^libs/(?:${[lib, ...allowed].join('|')})/` },
  }));
}

const HOUSE = [
  {
    name: 'only-through-the-door',
    comment: 'Another lib is imported through its index.ts, or a light door (read, pure, testing).',
    severity: 'error',
    from: { path: '^libs/([^/]+)/' },
    to: { path: '^libs/[^/]+/', pathNot: ['^libs/$1/', ...DOORS] },
  },
  {
    name: 'apps-only-through-the-door',
    comment: 'Apps import libs through their doors.',
    severity: 'error',
    from: { path: '^apps/' },
    to: { path: '^libs/', pathNot: DOORS },
  },
  {
    name: 'nobody-imports-an-app',
    comment: 'Apps are ends: what two of them need belongs in a lib.',
    severity: 'error',
    from: { path: '^(?:libs|apps)/([^/]+)/' },
    to: { path: '^apps/', pathNot: '^apps/$1/' },
  },
  {
    name: 'test-kits-stay-in-tests',
    comment: 'Only specs and test kits import a test kit.',
    severity: 'error',
    from: {
      path: '^(?:libs|apps)/',
      pathNot: [SPEC, '/testing\\.ts$', '\\.contract\\.ts$', '\\.contract\\.[a-z]+\\.ts$'],
    },
    to: { path: ['/testing\\.ts$', SPEC] },
  },
  {
    name: 'no-cycles',
    comment: 'No cycles (two types that name each other are none): move what both need into a third file.',
    severity: 'error',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'no-inner-barrels',
    comment: 'The only index.ts is the door of a lib.',
    severity: 'error',
    from: { path: '^(?:libs/[^/]+/.+|apps/.+)/index\\.ts$' },
    to: {},
  },
  {
    name: 'no-dev-packages',
    comment: 'What runs in production must be in "dependencies".',
    severity: 'error',
    from: {
      path: '^(?:libs|apps)/',
      pathNot: [SPEC, '/testing\\.ts$', '\\.contract\\.ts$', '\\.contract\\.[a-z]+\\.ts$'],
    },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only', 'npm'] },
  },
  {
    name: 'resolvable',
    comment: 'Every import leads somewhere.',
    severity: 'error',
    from: {},
    to: { couldNotResolve: true },
  },
];

function rulesFor(root) {
  return {
    forbidden: [...pureRules(root), ...lightRules(root), ...layerRules(), ...HOUSE],
    options: {
      baseDir: root,
      doNotFollow: { path: 'node_modules' },
      exclude: { path: '(?:^|/)dist/' },
      tsPreCompilationDeps: true,
      tsConfig: { fileName: join(root, 'tsconfig.json') },
      combinedDependencies: true,
      enhancedResolveOptions: {
        exportsFields: ['exports'],
        conditionNames: ['import', 'require', 'node', 'default', 'types'],
        extensions: ['.ts', '.js', '.cjs', '.mjs', '.d.ts'],
      },
    },
  };
}

module.exports = { rulesFor, pureFiles, libsOf };
