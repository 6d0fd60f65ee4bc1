import { inOrder, positionOf, projectAll, projectionContract, dumpCurrent, recorded, InlineReads } from './testing.js';
import { inGroup, type Derivation, type Projection, type SimpleDerivation } from './projection.js';
import { CubeDelta } from './cube.js';
import { steps, sumQuery, TOY_CUBE, toyDerivation, toyGroup, toyProjection } from './spec/toy.js';

const two = recorded('counter-b', steps('x', 'y', 'z'), recorded('counter-a', steps('x', 'x')));

projectionContract(toyGroup(), { name: 'the toy', events: two, facts: () => true });

describe('the projection kit', () => {
  it('answers queries over projected events', async () => {
    const reads = new InlineReads(projectAll(toyGroup(), two));
    const { result, asOf, generation } = await reads.run(sumQuery, { label: 'x' }, { now: '2024-02-01T00:00:00.000Z' });
    expect(result.total).toBe(1 + 2 + 1);
    expect(asOf).toEqual({ position: positionOf(5), instant: '2024-02-01T00:00:00.000Z' });
    expect(generation).toBe('toys-1');
  });

  it('compares surrogates by their names, so that the order of streams does not show', () => {
    const otherWay = inOrder([...two.slice(2), ...two.slice(0, 2)]);
    const current = dumpCurrent(projectAll(toyGroup(), two));
    expect(dumpCurrent(projectAll(toyGroup(), otherWay))).toEqual(current);
    expect(current.counter).toContainEqual({ id: 'counter:counter-a', total: 3, steps: 2 });
  });

  it('says which event was parked and why', () => {
    const events = recorded('counter-a', [{ type: 'Stepped', data: { by: 1, label: 'x', breaks: 'apply' } }]);
    expect(() => projectAll(toyGroup(), events)).toThrow('Stepped at counter-a@0 was parked: PROJECTION_FAILED');
  });
});

const DERIVED = 'derived rows followed in batches equal those built in one pass';

/** The cases of the contract, run by hand so that a defect can be seen to fail them. */
function failing(defective: Projection<never>, derivations?: readonly Derivation[], facts = () => true): string[] {
  const failed: string[] = [];
  const { describe, it } = globalThis;
  const shadow = globalThis as unknown as Record<string, unknown>;
  try {
    shadow.describe = (_name: string, body: () => void) => body();
    shadow.it = (name: string, body: () => void) => {
      try {
        body();
      } catch {
        failed.push(name);
      }
    };
    const group = { name: 'toys', projections: [defective], derivations };
    projectionContract(group, { name: 'a defect', events: two, facts, rounds: 5 });
  } finally {
    Object.assign(shadow, { describe, it });
  }
  return failed;
}

describe('the projection contract catches', () => {
  const sound = toyProjection();

  it('nothing on a sound projection', () => {
    expect(failing(inGroup(sound))).toEqual([]);
    expect(failing(inGroup(sound), [toyDerivation()])).toEqual([]);
  });

  it('a derivation that does not take back what was', () => {
    const forgetful: Derivation = {
      ...toyDerivation(),
      prepare: (changes, rows) => ({
        ...(toyDerivation().prepare(changes, rows) as object),
        delta: new CubeDelta(TOY_CUBE),
      }),
    };
    expect(failing(inGroup(sound), [forgetful])).toContain(DERIVED);
  });

  it('a derivation that is built otherwise than it is followed, or not at all', () => {
    const build: SimpleDerivation['build'] = (rows) => {
      toyDerivation().build(rows);
      rows.write({ op: 'add', table: TOY_CUBE.name, key: { day: 1, label: 1 }, add: { sum: 1 } });
    };
    expect(failing(inGroup(sound), [{ ...toyDerivation(), build }])).toEqual([DERIVED]);
    const idle: Derivation = { ...toyDerivation(), build: () => {}, prepare: () => {}, follow: () => {} };
    expect(failing(inGroup(sound), [idle])).toEqual([DERIVED]);
  });

  it('a projection that counts a second delivery', () => {
    const apply: typeof sound.apply = (counter, event, idOf) => {
      counter.steps.delete(event.id);
      sound.apply(counter, event, idOf);
    };
    expect(failing(inGroup({ ...sound, apply }))).toContain('a second delivery of every event changes nothing');
  });

  it('a projection that forgets when a unit is read back', () => {
    const restore: typeof sound.restore = (id, name) => sound.restore(id, name, [[], []]);
    expect(failing(inGroup({ ...sound, restore }))).toEqual([
      'a second delivery after the unit was read back from its rows changes nothing',
      'rebuilt equals live',
    ]);
  });

  it('a projection that depends on the order of arrival', () => {
    const apply: typeof sound.apply = (counter, event, idOf) => {
      sound.apply(counter, event, idOf);
      counter.total = counter.total * 2 + (event.data as { by: number }).by;
    };
    expect(failing(inGroup({ ...sound, apply }))).toContain('shuffled delivery gives the same current rows');
  });

  it('a sample that leaves out a type', () => {
    expect(failing(inGroup({ ...sound, handles: ['Stepped', 'Reset'] }))).toEqual([
      'the sample has every event type that is handled',
    ]);
  });
});
