import { TouchstoneError, type ActingContext } from '@touchstone/eventing';
import type { FactIntake, FactOutcome, ObjectFactIntake, ObjectIntake } from '@touchstone/journeys';
import type { PackCatalogue } from '@touchstone/packs';
import { problemOf } from './cloudevents-intake.js';
import { importedPack } from './imported-kinds.js';
import { readRecord, type ReadFact, type Reading } from './quarantine-readers.js';
import type { Mend, Quarantine } from './quarantine.js';
import type { QuarantineFilter, Settled } from './quarantine-types.js';
import { checkedZone } from './zone-offset.js';

/** Which records: some by their ids, or a page of those that a filter chooses. */
export interface Selection {
  readonly ids?: readonly string[];
  readonly filter?: QuarantineFilter;
  /** Of a filter: records at most. */
  readonly first?: number;
  readonly after?: string | null;
}

/** Something that could not be done about a record, and why. */
export interface Problem {
  readonly id: string;
  readonly code: string;
  readonly message: string;
}

interface Done {
  /** Records that were looked at. */
  readonly seen: number;
  readonly problems: readonly Problem[];
  /** Where to go on, when the filter chooses more. */
  readonly next: string | null;
}
export type Mended = Done & { readonly mended: number };
export type Retried = Done & { readonly taken: number; readonly known: number; readonly waiting: number };
export type Discarded = Done & { readonly discarded: number };

/** Records that are opened and driven in together: they are in memory then, each of up to a megabyte. */
const TOGETHER = 100;

/**
 * What people do about records in quarantine: mend them, drive them in again, give them up. Everything may be repeated:
 * what is done already is not done twice, and what a crash cut short goes on.
 */
export class QuarantineMending {
  constructor(
    private readonly parts: {
      readonly quarantine: Quarantine;
      readonly intake: Pick<FactIntake, 'take'>;
      readonly objects: Pick<ObjectFactIntake, 'take'>;
      readonly statements: Pick<ObjectIntake, 'take'>;
      readonly packs: Pick<PackCatalogue, 'has' | 'kind' | 'publish'>;
    },
  ) {}

  /**
   * Mends the selected records and says of each that still cannot be read what is wrong with it.
   * @throws ZONE_UNKNOWN, MEND_EMPTY, PAYLOAD_FOR_MANY; QUARANTINED_UNKNOWN, QUARANTINED_DONE, QUARANTINED_CHANGED of
   *   a record that was named by its id
   */
  async mend(selection: Selection, mend: Mend & { readonly seen?: number }, { actor }: ActingContext): Promise<Mended> {
    const { seen, ...change } = mend;
    if (change.mapping?.zone !== undefined) checkedZone(change.mapping.zone);
    if (change.payload === undefined && !change.mapping?.kinds && change.mapping?.zone === undefined)
      throw mendsNothing();
    const { ids, next } = this.chosen(selection);
    if ((change.payload !== undefined || seen !== undefined) && (selection.filter || ids.length !== 1)) throw forMany();
    const { quarantine } = this.parts;
    const mended = quarantine.atOnce(() => ids.filter((id) => quarantine.mend(id, change, actor, seen)).length);
    const problems: Problem[] = [];
    for (const id of ids) {
      const reading = await this.read(id);
      if (reading && 'code' in reading) problems.push({ id, code: reading.code, message: reading.reason });
    }
    return { seen: ids.length, mended, problems, next };
  }

  /**
   * Drives the selected records in again. What cannot be taken keeps waiting, with what is wrong with it now.
   * @throws what the log throws when it does not answer: the same again goes on where it stopped
   */
  async retry(selection: Selection, context: ActingContext): Promise<Retried> {
    const { ids, next } = this.chosen(selection);
    const problems: Problem[] = [];
    const counts = { taken: 0, known: 0 };
    for (let at = 0; at < ids.length; at += TOGETHER) {
      const part = await this.retryPart(ids.slice(at, at + TOGETHER), context);
      problems.push(...part.problems);
      counts.taken += part.taken;
      counts.known += part.known;
    }
    return { seen: ids.length, ...counts, waiting: problems.length, problems, next };
  }

  /** Gives the selected records up. @throws QUARANTINED_UNKNOWN, QUARANTINED_DONE of one that was named by its id */
  discard(selection: Selection, reason: string, { actor }: ActingContext): Discarded {
    const { quarantine } = this.parts;
    const { ids, next } = this.chosen(selection);
    const discarded = quarantine.atOnce(() => ids.filter((id) => quarantine.discard(id, reason, actor)).length);
    return { seen: ids.length, discarded, problems: [], next };
  }

  private async retryPart(ids: readonly string[], context: ActingContext) {
    const { quarantine } = this.parts;
    const problems: Problem[] = [];
    const ready: { id: string; reading: Exclude<Reading, { code: string }> }[] = [];
    const unread: { id: string; reading: Extract<Reading, { code: string }> }[] = [];
    const counts = { taken: 0, known: 0 };
    for (const id of ids) {
      const reading = await this.read(id);
      // Driven in already: a repeat of what was done.
      if (reading === null) counts.known++;
      else if ('code' in reading) unread.push({ id, reading });
      else ready.push({ id, reading });
    }
    const answers = await this.driveIn(
      ready.map(({ reading }) => reading),
      context,
    );
    const refused = (id: string, { code, reason }: { code: string; reason: string }) => {
      quarantine.refused(id, { code, reason }, context.actor);
      problems.push({ id, code, message: reason });
    };
    quarantine.atOnce(() => {
      for (const { id, reading } of unread) refused(id, reading);
      ready.forEach(({ id }, i) => {
        const answer = answers[i]!;
        if ('reason' in answer) return refused(id, answer);
        quarantine.settle(id, answer.settled, context.actor);
        counts[answer.outcome]++;
      });
    });
    return { problems, ...counts };
  }

  /** What became of each. A record of several facts is taken once all of them are; a repeat drives in what was left. */
  private async driveIn(readings: readonly Exclude<Reading, { code: string }>[], context: ActingContext) {
    const { intake, objects, statements } = this.parts;
    const facts = readings.flatMap((reading) => ('facts' in reading ? reading.facts : []));
    await this.publish(facts, context);
    const said = readings.flatMap((reading) => ('statement' in reading ? [reading.statement] : []));
    const ofFacts = facts.length > 0 ? await intake.take(facts.map(({ fact }) => fact), { context }) : []; // prettier-ignore
    const ofStatements = said.length > 0 ? await statements.take(said, { context }) : [];
    const shared = readings.flatMap((reading) => ('objectFact' in reading ? [reading.objectFact] : []));
    const ofObjects = shared.length > 0 ? await objects.take(shared, { context }) : [];
    let [fact, statement, object] = [0, 0, 0];
    return readings.map((reading): Driven => {
      if ('statement' in reading) return ofObject(ofStatements[statement++]!);
      if ('objectFact' in reading) return ofObject(ofObjects[object++]!);
      return togetherOf(reading.facts.map((read) => problemOf(read.fact, ofFacts[fact++]!)));
    });
  }

  /** As an import publishes the activities of its file: those that nobody could read then are met only now. */
  private async publish(facts: readonly ReadFact[], context: ActingContext): Promise<void> {
    const { packs } = this.parts;
    const byType = new Map<string, Map<string, NonNullable<ReadFact['kind']>['spec']>>();
    for (const { fact, kind } of facts) {
      if (!kind || kind.spec.id !== fact.kind || packs.has(fact.kind)) continue;
      const specs = byType.get(kind.journeyType) ?? new Map<string, typeof kind.spec>();
      byType.set(kind.journeyType, specs.set(kind.spec.id, kind.spec));
    }
    for (const [journeyType, specs] of byType) {
      await packs.publish(importedPack(journeyType, [...specs.values()], packs), { context });
    }
  }

  /** Null: it is done with. */
  private async read(id: string): Promise<Reading | null> {
    const record = this.parts.quarantine.opening(id);
    if (record.state === 'taken') return null;
    if (record.state === 'discarded') {
      return { code: 'QUARANTINED_DONE', reason: 'It was given up, and is not driven in any more.' };
    }
    return readRecord(record);
  }

  /** @throws SELECTION_INVALID, INVALID_CURSOR, PAGE_SIZE_INVALID */
  private chosen({ ids, filter, first, after }: Selection): { ids: readonly string[]; next: string | null } {
    if ((ids === undefined) === (filter === undefined)) throw selectionInvalid();
    if (ids) return { ids: [...new Set(ids)], next: null };
    const page = this.parts.quarantine.list({ ...filter, first: first ?? PAGE, after });
    const { hasNextPage, endCursor } = page.pageInfo;
    return { ids: page.edges.map(({ node }) => node.id), next: hasNextPage ? endCursor : null };
  }
}

/** Records of one call on a filter. */
const PAGE = 500;

/** What became of a record. */
type Driven =
  | { readonly outcome: 'taken' | 'known'; readonly settled: Settled | null }
  | { readonly code: string; readonly reason: string };

type Answer = ReturnType<typeof problemOf>;

function togetherOf(answers: readonly Answer[]): Driven {
  const done: Exclude<FactOutcome, { outcome: 'refused' }>[] = [];
  for (const answer of answers) {
    if ('reason' in answer) return answer;
    done.push(answer);
  }
  // A list shows one touchpoint of a record; the others are found in its journeys.
  const shown = done.find(({ outcome }) => outcome === 'taken') ?? done[0]!;
  return { outcome: shown.outcome, settled: settledBy(shown) };
}

/** What is said of an object is no touchpoint: a list has nothing to name. */
function ofObject(
  outcome:
    | { readonly outcome: 'taken' | 'known' }
    | { readonly outcome: 'refused'; readonly code: string; readonly message: string },
): Driven {
  if (outcome.outcome === 'refused') return { code: outcome.code, reason: outcome.message };
  return { outcome: outcome.outcome, settled: null };
}

const settledBy = ({ journeyId, touchpointId, position }: Exclude<FactOutcome, { outcome: 'refused' }>): Settled => ({
  journeyId,
  touchpointId,
  position,
});

const selectionInvalid = (): TouchstoneError =>
  new TouchstoneError('SELECTION_INVALID', 'Choose records by their ids or by a filter, one of the two.', 'invalid');

const mendsNothing = (): TouchstoneError =>
  new TouchstoneError('MEND_EMPTY', 'Give a payload, kinds or a zone: this mends nothing.', 'invalid');

const forMany = (): TouchstoneError =>
  new TouchstoneError(
    'PAYLOAD_FOR_MANY',
    'A payload, or the revision that was seen, belongs to one record: name its id. Kinds and a zone can be given for many.',
    'invalid',
  );
