/// <reference types="jest" />
import {
  anEvent,
  collect,
  events,
  failsWith,
  idsOf,
  type Bench,
  type ContractTraits,
} from './event-log.contract.kit.js';

/** Expected revisions, both ways each, and repeats. */
export function appendCases(bench: Bench, traits: ContractTraits): void {
  const stream = () => bench.name('stream');
  const ids = async () => idsOf(await collect(bench.log.readStream(stream())));
  const append = (...args: Parameters<Bench['log']['append']>) => bench.log.append(...args);

  describe('expected revision', () => {
    it('none: starts a stream at revision 0', async () => {
      expect(await append(stream(), 'none', [anEvent()])).toMatchObject({ revision: 0 });
    });

    it('none: refuses a stream that exists, and says where it stands', async () => {
      await append(stream(), 'none', events(3));
      await expect(append(stream(), 'none', [anEvent()])).rejects.toMatchObject({
        code: 'WRONG_EXPECTED_REVISION',
        kind: 'conflict',
        details: { stream: stream(), expected: 'none', actual: 2 },
      });
    });

    it('number: appends behind the last revision', async () => {
      await append(stream(), 'none', events(2));
      expect(await append(stream(), 1, events(2))).toMatchObject({ revision: 3 });
    });

    it('number: refuses one that is behind', async () => {
      await append(stream(), 'none', events(3));
      await expect(append(stream(), 1, [anEvent()])).rejects.toMatchObject({
        code: 'WRONG_EXPECTED_REVISION',
        details: { expected: 1, actual: 2 },
      });
    });

    it('number: refuses one that is ahead', async () => {
      await append(stream(), 'none', events(3));
      await failsWith(append(stream(), 3, [anEvent()]), 'WRONG_EXPECTED_REVISION');
    });

    it('number: refuses a stream that does not exist', async () => {
      await expect(append(stream(), 0, [anEvent()])).rejects.toMatchObject({
        code: 'WRONG_EXPECTED_REVISION',
        details: { expected: 0, actual: 'none' },
      });
    });

    it('any: starts a stream', async () => {
      expect(await append(stream(), 'any', events(2))).toMatchObject({ revision: 1 });
    });

    it('any: appends to a stream', async () => {
      await append(stream(), 'none', events(2));
      expect(await append(stream(), 'any', events(2))).toMatchObject({ revision: 3 });
    });

    it('exists: appends to a stream', async () => {
      await append(stream(), 'none', [anEvent()]);
      expect(await append(stream(), 'exists', [anEvent()])).toMatchObject({ revision: 1 });
    });

    it('exists: refuses a stream that does not exist', async () => {
      await expect(append(stream(), 'exists', [anEvent()])).rejects.toMatchObject({
        code: 'WRONG_EXPECTED_REVISION',
        details: { expected: 'exists', actual: 'none' },
      });
    });

    it.each([-1, 1.5, NaN, Infinity, 'later', null])('refuses %p, which is no expectation', async (expected) => {
      await failsWith(append(stream(), expected as never, [anEvent()]), 'INVALID_EXPECTED_REVISION');
    });

    it('writes nothing of a refused append', async () => {
      const first = events(2);
      await append(stream(), 'none', first);
      await failsWith(append(stream(), 'none', events(5)), 'WRONG_EXPECTED_REVISION');
      expect(await ids()).toEqual(idsOf(first));
      expect(await append(stream(), 1, [anEvent()])).toMatchObject({ revision: 2 });
    });

    it('keeps the order of a batch, with dense revisions over many appends', async () => {
      const batches = [events(3), events(1), events(7), events(2)];
      let revision = -1;
      for (const batch of batches) {
        const appended = await append(stream(), revision < 0 ? 'none' : revision, batch);
        expect(appended.revision).toBe((revision += batch.length));
      }
      const read = await collect(bench.log.readStream(stream()));
      expect(idsOf(read)).toEqual(idsOf(batches.flat()));
      expect(read.map((e) => e.revision)).toEqual(read.map((_, i) => i));
    });

    it('answers with the position of the last event', async () => {
      const appended = await append(stream(), 'none', events(4));
      const read = await collect(bench.log.readStream(stream()));
      expect(appended).toEqual({ revision: 3, position: read[3]!.position });
    });
  });

  describe('repeats', () => {
    const again = async (expected: 'none' | 'any' | 'exists' | number, before: number) => {
      if (before > 0) await append(stream(), 'none', events(before));
      const batch = events(3);
      const first = await append(stream(), expected, batch);
      await append(stream(), 'any', events(2));
      expect(await append(stream(), expected, batch)).toEqual(first);
      expect(await ids()).toHaveLength(before + 5);
    };

    it('none: the same batch answers as the first time', () => again('none', 0));
    it('number: the same batch with its original expectation answers as the first time', () => again(1, 2));
    it('any: the same batch answers as the first time, on a new stream', () => again('any', 0));
    it('any: the same batch answers as the first time, on an old stream', () => again('any', 2));
    it('exists: the same batch answers as the first time', () => again('exists', 2));

    it('a single event answers as the first time, however often', async () => {
      const one = [anEvent()];
      const first = await append(stream(), 'none', one);
      for (let i = 0; i < 5; i++) expect(await append(stream(), 'none', one)).toEqual(first);
      expect(await ids()).toEqual(idsOf(one));
    });

    it('ten equal appends at once write one event and give ten equal answers', async () => {
      const batch = events(2);
      const answers = await Promise.all(Array.from({ length: 10 }, () => append(stream(), 'none', batch)));
      expect(new Set(answers.map((a) => JSON.stringify(a))).size).toBe(1);
      expect(await ids()).toEqual(idsOf(batch));
    });

    it('known events followed by new ones are a conflict, with an exact expectation', async () => {
      const known = events(2);
      await append(stream(), 'none', known);
      await failsWith(append(stream(), 'none', [...known, anEvent()]), 'WRONG_EXPECTED_REVISION');
      expect(await ids()).toEqual(idsOf(known));
    });

    it.each(['any', 'exists'] as const)(
      'known events followed by new ones are a conflict, with %s',
      async (expected) => {
        const known = events(2);
        await append(stream(), 'none', known);
        await failsWith(append(stream(), expected, [...known, anEvent()]), 'WRONG_EXPECTED_REVISION');
        expect(await ids()).toEqual(idsOf(known));
      },
    );

    it('other events with an expectation that was met before are a conflict', async () => {
      const known = events(3);
      await append(stream(), 'none', known);
      await failsWith(append(stream(), 0, events(2)), 'WRONG_EXPECTED_REVISION');
      await failsWith(append(stream(), 'none', [known[1]!, known[0]!]), 'WRONG_EXPECTED_REVISION');
    });

    it('a batch that reaches beyond what is known is a conflict', async () => {
      const known = events(2);
      await append(stream(), 'none', known);
      await failsWith(append(stream(), 0, [known[1]!, anEvent()]), 'WRONG_EXPECTED_REVISION');
    });
  });

  describe(traits.uniqueIds ? 'ids are taken once in the log' : 'ids are taken once in their place only', () => {
    const refusedOr = async (work: ReturnType<typeof append>, revision: number) => {
      if (traits.uniqueIds) await expect(work).rejects.toMatchObject({ code: 'DUPLICATE_EVENT_ID', kind: 'conflict' });
      else expect(await work).toMatchObject({ revision });
    };

    it('in another stream', async () => {
      const one = anEvent();
      await append(stream(), 'none', [one]);
      await refusedOr(append(bench.name('other'), 'none', [one]), 0);
      expect(await collect(bench.log.readStream(bench.name('other')))).toHaveLength(traits.uniqueIds ? 0 : 1);
    });

    it('at the current end of its stream', async () => {
      const batch = events(2);
      await append(stream(), 'none', batch);
      await refusedOr(append(stream(), 1, batch), 3);
      expect(await ids()).toHaveLength(traits.uniqueIds ? 2 : 4);
    });

    it('twice in one batch', async () => {
      const one = anEvent();
      await refusedOr(append(stream(), 'none', [one, anEvent(), one]), 2);
      expect(await ids()).toHaveLength(traits.uniqueIds ? 0 : 3);
    });
  });
}
