/** Long suites first, by what their names say of their cost: none of them is left to run alone at the end. */
import { createRequire } from 'node:module';

// Jest's own, which comes with it.
const { default: Sequencer } = createRequire(createRequire(import.meta.url).resolve('@jest/core'))(
  '@jest/test-sequencer',
);

const COSTS = [/chaos-kill\b/, /chaos-/, /real-|formats/, /\.e2e\.spec\.ts$/, /\.int\.spec\.ts$/];
const costOf = (path) => {
  const at = COSTS.findIndex((pattern) => pattern.test(path));
  return at < 0 ? COSTS.length : at;
};

export default class LongestFirst extends Sequencer {
  sort(tests) {
    return [...super.sort(tests)].sort((a, b) => costOf(a.path) - costOf(b.path));
  }
}
