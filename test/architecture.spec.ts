import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
}

/** Runs the cruiser as `npm run check:architecture` does, over the tree at `base`. */
function cruise(base: string, folders: readonly string[]): Promise<Violation[]> {
  const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [cruiser, '--config', join(base, '.dependency-cruiser.cjs'), '--output-type', 'json', ...folders];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: base, maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (!stdout.startsWith('{')) reject(error ?? new Error(stderr));
      else resolve((JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations);
    });
  });
}

/** A small house that keeps every rule. */
const SOUND: Readonly<Record<string, string>> = {
  'libs/eventing/index.ts': `export * from './pure.js';\nexport * from './log.js';`,
  'libs/eventing/pure.ts': `export { refuse } from './errors.js';\nexport type { Named } from './errors.js';`,
  'libs/eventing/errors.ts': `import { Type } from 'typebox';\nexport type Named = { name: string };\nexport const refuse = () => Type;`,
  'libs/eventing/log.ts': `import { readFileSync } from 'node:fs';\nimport { Injectable } from '@nestjs/common';\nexport const log = [readFileSync, Injectable];`,
  'libs/readmodel/index.ts': `export * from './projection.js';\nexport * from './runner.js';`,
  'libs/readmodel/projection.ts': `import type { Named } from '@touchstone/eventing/pure';\nexport interface Projection { readonly of: Named }`,
  'libs/readmodel/runner.ts': `import { log } from '@touchstone/eventing';\nexport const runner = [log];`,
  'libs/platform/index.ts': `import { log } from '@touchstone/eventing';\nexport const platform = log;`,
  'libs/packs/index.ts': `import { platform } from '@touchstone/platform';\nimport { runner } from '@touchstone/readmodel';\nexport type Kind = { id: string };\nexport const packs = [platform, runner];`,
  'libs/journeys/index.ts': `import { packs } from '@touchstone/packs';\nexport * from './journey.js';\nexport const journeys = [packs];`,
  'libs/journeys/read.ts': `export { projection } from './journey.projection.js';`,
  'libs/journeys/journey.ts': `import { refuse } from '@touchstone/eventing/pure';\nimport type { Kind } from '@touchstone/packs';\nimport { order } from './order.js';\nexport const journey = (kind: Kind) => [refuse, order, kind];`,
  'libs/journeys/order.ts': `export const order = 1;`,
  'libs/journeys/journey.samples.ts': `import { journey } from './journey.js';\nexport const samples = [journey];`,
  'libs/journeys/journey.projection.ts': `import type { Projection } from '@touchstone/readmodel/projection';\nimport { journey } from './journey.js';\nexport const projection = { journey } as unknown as Projection;`,
  'libs/interchange/index.ts': `import { journeys } from '@touchstone/journeys';\nexport const interchange = [journeys];`,
  'apps/server/main.ts': `import { interchange } from '@touchstone/interchange';\nimport { projection } from '@touchstone/journeys/read';\nexport const main = [interchange, projection];`,
  'apps/cli/main.ts': `import { interchange } from '@touchstone/interchange';\nexport const main = [interchange];`,
};

/** One file for each way of breaking the house, and the rule that has to say so. */
const PLANTED: readonly { readonly file: string; readonly text: string; readonly rule: string }[] = [
  // Pure files.
  {
    file: 'libs/journeys/nest.projection.ts',
    text: `import { Injectable } from '@nestjs/common';\nexport const p = Injectable;`,
    rule: 'pure-journeys-no-packages',
  },
  {
    file: 'libs/journeys/clock.projection.ts',
    text: `import { hrtime } from 'node:process';\nexport const p = hrtime;`,
    rule: 'pure-journeys-no-packages',
  },
  {
    file: 'libs/journeys/npm-type.process.ts',
    text: `import type { Kysely } from 'kysely';\nexport type P = Kysely;`,
    rule: 'pure-journeys-no-packages',
  },
  {
    file: 'libs/journeys/eventing-door.samples.ts',
    text: `import { log } from '@touchstone/eventing';\nexport const s = log;`,
    rule: 'pure-journeys',
  },
  {
    file: 'libs/journeys/value-of-packs.projection.ts',
    text: `import { packs } from '@touchstone/packs';\nexport const p = packs;`,
    rule: 'pure-journeys',
  },
  {
    file: 'libs/journeys/complaint.ts',
    text: `import { readFileSync } from 'node:fs';\nexport const complaint = readFileSync;`,
    rule: 'pure-journeys-no-packages',
  },
  { file: 'libs/journeys/complaint.samples.ts', text: `export const samples = [];`, rule: '' },
  {
    file: 'libs/journeys/made.ts',
    text: `import { v7 } from 'uuid';\nimport { decider } from './made-by.js';\nexport const made = decider({ id: v7 }, () => []);`,
    rule: 'pure-journeys-no-packages',
  },
  { file: 'libs/journeys/made-by.ts', text: `export const decider = (...parts: unknown[]) => parts;`, rule: '' },
  {
    file: 'libs/journeys/through-helper.projection.ts',
    text: `import { helper } from './helper-with-io.js';\nexport const p = helper;`,
    rule: '',
  },
  {
    file: 'libs/journeys/helper-with-io.ts',
    text: `import { readFileSync } from 'node:fs';\nexport const helper = readFileSync;`,
    rule: 'pure-journeys-no-packages',
  },
  // Who may import whom.
  {
    file: 'libs/eventing/upwards.ts',
    text: `import { runner } from '@touchstone/readmodel';\nexport const u = runner;`,
    rule: 'layer-eventing',
  },
  {
    file: 'libs/eventing/domain-type.ts',
    text: `import type { Kind } from '@touchstone/packs';\nexport type K = Kind;`,
    rule: 'layer-eventing',
  },
  {
    file: 'libs/readmodel/domain.ts',
    text: `import { journeys } from '@touchstone/journeys';\nexport const d = journeys;`,
    rule: 'layer-readmodel',
  },
  {
    file: 'libs/readmodel/sideways.ts',
    text: `import { platform } from '@touchstone/platform';\nexport const d = platform;`,
    rule: 'layer-readmodel',
  },
  {
    file: 'libs/platform/sideways.ts',
    text: `import { runner } from '@touchstone/readmodel';\nexport const d = runner;`,
    rule: 'layer-platform',
  },
  {
    file: 'libs/packs/domain.ts',
    text: `import type { journeys } from '@touchstone/journeys';\nexport type D = typeof journeys;`,
    rule: 'layer-packs',
  },
  {
    file: 'libs/journeys/upwards.ts',
    text: `import { interchange } from '@touchstone/interchange';\nexport const d = interchange;`,
    rule: 'layer-journeys',
  },
  {
    file: 'libs/delivery/sideways.ts',
    text: `import { interchange } from '@touchstone/interchange';\nexport const d = interchange;`,
    rule: 'layer-delivery',
  },
  {
    file: 'libs/interchange/app.ts',
    text: `import { main } from '../../apps/server/main.js';\nexport const d = main;`,
    rule: 'nobody-imports-an-app',
  },
  {
    file: 'apps/cli/server.ts',
    text: `import { main } from '../server/main.js';\nexport const d = main;`,
    rule: 'nobody-imports-an-app',
  },
  // Doors, cycles, barrels, packages.
  {
    file: 'libs/interchange/side-entrance.ts',
    text: `import { order } from '@touchstone/journeys/order';\nexport const d = order;`,
    rule: 'only-through-the-door',
  },
  {
    file: 'libs/interchange/relative-entrance.ts',
    text: `import { order } from '../journeys/order.js';\nexport const d = order;`,
    rule: 'only-through-the-door',
  },
  {
    file: 'apps/server/side-entrance.ts',
    text: `import { runner } from '@touchstone/readmodel/runner';\nexport const d = runner;`,
    rule: 'apps-only-through-the-door',
  },
  {
    file: 'libs/packs/read.ts',
    text: `import { platform } from '@touchstone/platform';\nexport const d = platform;`,
    rule: 'light-door-stays-light',
  },
  {
    file: 'libs/interchange/behind-the-door.ts',
    text: `import { Injectable } from '@nestjs/common';\nexport const d = Injectable;`,
    rule: 'light-door-stays-light',
  },
  { file: 'libs/interchange/read.ts', text: `export * from './behind-the-door.js';`, rule: '' },
  {
    file: 'libs/packs/circle-a.ts',
    text: `import { b } from './circle-b.js';\nexport const a = () => b;`,
    rule: 'no-cycles',
  },
  {
    file: 'libs/packs/circle-b.ts',
    text: `import { a } from './circle-a.js';\nexport const b = () => a;`,
    rule: '',
  },
  {
    file: 'libs/packs/inner/index.ts',
    text: `export * from '../inner-part.js';`,
    rule: 'no-inner-barrels',
  },
  { file: 'libs/packs/inner-part.ts', text: `export const part = 1;`, rule: '' },
  {
    file: 'libs/packs/dev-package.ts',
    text: `import fc from 'fast-check';\nexport const d = fc;`,
    rule: 'no-dev-packages',
  },
  {
    file: 'libs/packs/uses-a-kit.ts',
    text: `import { kit } from './testing.js';\nexport const d = kit;`,
    rule: 'test-kits-stay-in-tests',
  },
  { file: 'libs/packs/testing.ts', text: `export const kit = 1;`, rule: '' },
  {
    file: 'libs/packs/nowhere.ts',
    text: `import { x } from './no-such-file.js';\nexport const d = x;`,
    rule: 'resolvable',
  },
];

function write(base: string, file: string, text: string): void {
  mkdirSync(dirname(join(base, file)), { recursive: true });
  writeFileSync(join(base, file), `${text}\n`);
}

/** A tree with the real rules and alias, and packages that are only names. */
function plant(base: string, files: Readonly<Record<string, string>>): void {
  for (const file of ['tsconfig.json', '.dependency-cruiser.cjs', 'scripts/architecture-rules.cjs']) {
    mkdirSync(dirname(join(base, file)), { recursive: true });
    cpSync(join(root, file), join(base, file));
  }
  const packages = ['@nestjs/common', 'typebox', 'kysely', 'uuid', 'fast-check'];
  const dependencies = Object.fromEntries(packages.slice(0, -1).map((name) => [name, '1.0.0']));
  write(
    base,
    'package.json',
    JSON.stringify({ name: 'house', dependencies, devDependencies: { 'fast-check': '1.0.0' } }),
  );
  for (const name of packages) {
    write(base, `node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    write(base, `node_modules/${name}/index.js`, 'module.exports = {};');
  }
  for (const [file, text] of Object.entries(files)) write(base, file, text);
}

describe('the import rules', () => {
  const trees: string[] = [];
  const planted = (files: Readonly<Record<string, string>>) => {
    const base = mkdtempSync(join(tmpdir(), 'touchstone-house-'));
    trees.push(base);
    plant(base, files);
    return cruise(base, ['apps', 'libs']);
  };

  afterAll(() => {
    for (const tree of trees) rmSync(tree, { recursive: true, force: true });
  });

  it('let a sound house pass', async () => {
    expect(await planted(SOUND)).toEqual([]);
  });

  describe('catch', () => {
    let violations: Violation[] = [];

    beforeAll(async () => {
      violations = await planted({ ...SOUND, ...Object.fromEntries(PLANTED.map(({ file, text }) => [file, text])) });
    });

    it.each(PLANTED.filter(({ rule }) => rule !== ''))('$file ($rule)', ({ file, rule }) => {
      expect(violations.filter((v) => v.from === file).map((v) => v.rule.name)).toContain(rule);
    });

    it('nothing but what was planted', () => {
      const guilty = new Set(PLANTED.filter(({ rule }) => rule !== '').map(({ file }) => file));
      expect(violations.filter((v) => !guilty.has(v.from))).toEqual([]);
    });

    it('by every rule at least once', async () => {
      const { createRequire } = await import('node:module');
      const rules = createRequire(import.meta.url)(join(root, 'scripts/architecture-rules.cjs')) as {
        rulesFor(base: string): { forbidden: { name: string }[] };
      };
      const house = [...new Set(rules.rulesFor(trees.at(-1)!).forbidden.map((rule) => rule.name))];
      const seen = new Set(violations.map((v) => v.rule.name));
      // Interchange is the last layer: no lib is above it, and eventing's pure files are proved by the sound house.
      const unseen = house.filter(
        (name) => !seen.has(name) && !/^(layer-interchange|pure-(eventing|packs))/.test(name),
      );
      expect(unseen).toEqual([]);
    });
  });

  it('are kept by this house', async () => {
    const violations = await cruise(root, ['apps', 'libs']);
    expect(violations.map((v) => `${v.rule.name}: ${v.from}`)).toEqual([]);
  });
});
