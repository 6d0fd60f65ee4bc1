import { OpenLoads } from './open-loads.js';

it('says when the last open load has ended, however often an end is told', () => {
  const loads = new OpenLoads();
  let ends = 0;
  const quiet = loads.onLastEnd(() => ends++);
  const [one, two] = [loads.begin(), loads.begin()];
  one();
  one();
  expect([loads.any, ends]).toEqual([true, 0]);
  two();
  expect([loads.any, ends]).toEqual([false, 1]);
  quiet();
  loads.begin()();
  expect([loads.any, ends]).toEqual([false, 1]);
});
