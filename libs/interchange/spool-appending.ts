import { TouchstoneError, type Actor, type ExecuteOptions } from '@touchstone/eventing';
import {
  type FactOutcome,
  Lane,
  type LaneTurn,
  type ObjectStatement,
  type StatementOutcome,
  type TouchpointFact,
} from '@touchstone/journeys';
import type { ImporterParts, ImportOptions, ImportResult } from './import-types.js';
import { importedPack } from './imported-kinds.js';
import type { Unreadable } from './quarantine.js';
import type { Spool, SpoolManifest, SpoolRecord, Spools } from './spool.js';

/** Chunks that are under way at a time. */
const TOGETHER = 2;

/** A chunk that is in the log, and what of it goes to quarantine. */
interface TakenChunk {
  readonly index: number;
  readonly taken: number;
  readonly known: number;
  readonly refused: readonly Unreadable[];
}

/** On whose behalf a chunk is appended, and its turn among the others of its file. */
interface Taker {
  readonly actor: Actor | undefined;
  readonly turn: LaneTurn;
}

/** The second phase: appends spools chunk by chunk, each where an earlier run stopped. */
export class SpoolAppender {
  private readonly appending = new Set<string>();

  constructor(
    private readonly parts: ImporterParts,
    private readonly spools: Spools,
  ) {}

  /** Removes the spool at its end. @throws IMPORT_RUNNING, IMPORT_CANCELLED, KIND_TAKEN, SPOOL_UNREADABLE */
  async append(spool: Spool, resumed: boolean, options: ImportOptions): Promise<ImportResult> {
    const { manifest } = spool;
    if (this.appending.has(manifest.id)) {
      await spool.close();
      throw new TouchstoneError(
        'IMPORT_RUNNING',
        'The same file is being imported with the same options: wait for that import to end.',
        'conflict',
      );
    }
    this.appending.add(manifest.id);
    try {
      await options.beforeAppend?.();
      await this.publish(spool, options.actor);
      await this.appendAll(spool, options);
      const result = resultOf(spool, resumed);
      options.onProgress?.({ phase: 'append', done: handled(spool), total: manifest.records });
      await spool.close();
      await this.spools.remove(manifest.id);
      return result;
    } catch (error) {
      await spool.close().catch(() => undefined);
      this.spools.release(manifest.id);
      throw error;
    } finally {
      this.appending.delete(manifest.id);
    }
  }

  /**
   * Chunk by chunk; while the log writes one the next is decided. Each is kept as done only after those before it, so that
   * whoever goes on begins at the first that may be missing: what is there of later ones is known then. Only a
   * historical load, which must stand in the log in its order, goes one by one.
   */
  private async appendAll(spool: Spool, { onProgress, signal, actor }: ImportOptions): Promise<void> {
    const { manifest } = spool;
    const together = manifest.asHistory ? 1 : TOGETHER;
    const underWay: Promise<TakenChunk>[] = [];
    const lane = new Lane();
    let next = spool.progress.chunk;
    let ends = false;
    try {
      do {
        onProgress?.({ phase: 'append', done: handled(spool), total: manifest.records });
        ends ||= signal?.aborted ?? false;
        while (!ends && underWay.length < together && next < manifest.chunks.length) {
          // Read one by one, so that each begins before the next.
          const records = await spool.chunk(next);
          if (ends) break;
          const index = next++;
          const taking = lane.run((turn) => this.takeChunk(spool, index, records, { actor, turn }));
          // Heard of below in its turn; until then no other one begins.
          taking.catch(() => (ends = true));
          underWay.push(taking);
        }
        const first = underWay.shift();
        if (first) await this.keep(spool, await first);
      } while (underWay.length > 0 || (!ends && next < manifest.chunks.length));
    } finally {
      await Promise.allSettled(underWay);
    }
    if (spool.progress.chunk < manifest.chunks.length) throw interrupted();
  }

  private async takeChunk(
    spool: Spool,
    index: number,
    records: readonly SpoolRecord[],
    taker: Taker,
  ): Promise<TakenChunk> {
    const { manifest } = spool;
    const refused: Unreadable[] = [];
    const counts = { taken: 0, known: 0 };
    for (const part of partsOf(records, manifest.asHistory)) {
      for (const { record, outcome } of await this.takePart(part, manifest, taker)) {
        if (outcome.outcome !== 'refused') counts[outcome.outcome]++;
        else refused.push({ ...aboutRecord(manifest), ...refusedRecord(record, outcome) });
      }
    }
    for (const record of records) {
      if (!('unreadable' in record)) continue;
      refused.push({ ...aboutRecord(manifest), ...record.unreadable, shared: await spool.shared() });
    }
    if (counts.taken + counts.known + refused.length !== records.length) throw unbalanced();
    return { index, refused, ...counts };
  }

  private async keep(spool: Spool, { index, refused, taken, known }: TakenChunk): Promise<void> {
    const { progress } = spool;
    await this.parts.quarantine.add(refused);
    await spool.advance({
      chunk: index + 1,
      taken: progress.taken + taken,
      known: progress.known + known,
      quarantined: progress.quarantined + refused.length,
    });
  }

  private async takePart(
    part: Part,
    manifest: SpoolManifest,
    taker: Taker,
  ): Promise<{ record: TouchpointFact | ObjectStatement; outcome: FactOutcome | StatementOutcome }[]> {
    if ('facts' in part) {
      const outcomes = await this.take(part.facts, manifest, taker);
      return part.facts.map((record, i) => ({ record, outcome: outcomes[i]! }));
    }
    const outcomes = await this.parts.statements.take(part.statements, executeOptions(manifest, taker.actor));
    return part.statements.map((record, i) => ({ record, outcome: outcomes[i]! }));
  }

  /**
   * A chunk is appended stream by stream. A historical load must stand in the log in the order of its recorded times,
   * so it goes in parts that touch each journey in one stretch only.
   */
  private async take(
    facts: readonly TouchpointFact[],
    manifest: SpoolManifest,
    { actor, turn }: Taker,
  ): Promise<FactOutcome[]> {
    const options = executeOptions(manifest, actor);
    if (!manifest.asHistory) return this.parts.intake.take(facts, options, turn);
    const outcomes: FactOutcome[] = [];
    for (const part of inOrder(facts)) outcomes.push(...(await this.parts.intake.take(part, options)));
    return outcomes;
  }

  /** The log's activities become kinds of a pack of their own; what is published of them already stays. */
  private async publish(spool: Spool, actor: Actor | undefined): Promise<void> {
    const { journeyType, log, asHistory } = spool.manifest;
    if (log.kinds.length === 0) return;
    const { packs } = this.parts;
    const content = importedPack(journeyType, log.kinds, packs);
    const effectiveFrom = asHistory ? await firstRecorded(spool) : undefined;
    await packs.publish(content, { ...executeOptions(spool.manifest, actor), effectiveFrom });
  }
}

/** A historical load brings its kinds before its first fact, at the recorded time of that fact. */
async function firstRecorded(spool: Spool): Promise<string | undefined> {
  for (let chunk = 0; chunk < spool.manifest.chunks.length; chunk++) {
    for (const record of await spool.chunk(chunk)) {
      if ('unreadable' in record) continue;
      const { source, occurredAt } = 'fact' in record ? record.fact : record.object;
      return source.recordedAt ?? occurredAt;
    }
  }
  return undefined;
}

/** Parts in which the facts of a journey stand side by side, so that grouping by journey keeps the order. */
function* inOrder(facts: readonly TouchpointFact[]): Generator<readonly TouchpointFact[]> {
  let from = 0;
  let journeys = new Set<string>();
  for (let at = 0; at < facts.length; at++) {
    const { id } = facts[at]!.journey;
    if (journeys.has(id) && facts[at - 1]!.journey.id !== id) {
      yield facts.slice(from, at);
      from = at;
      journeys = new Set();
    }
    journeys.add(id);
  }
  if (from < facts.length) yield facts.slice(from);
}

type Part = { readonly facts: TouchpointFact[] } | { readonly statements: ObjectStatement[] };

/** What may be appended at once. Of a historical load: facts, or statements of one time, that stand side by side. */
function partsOf(records: readonly SpoolRecord[], inOrder: boolean): Part[] {
  const parts: Part[] = [];
  const facts: TouchpointFact[] = [];
  const statements: ObjectStatement[] = [];
  for (const record of records) {
    if ('unreadable' in record) continue;
    const last = parts.at(-1);
    if (!inOrder) {
      if ('fact' in record) facts.push(record.fact);
      else statements.push(record.object);
    } else if ('fact' in record) {
      if (last && 'facts' in last) last.facts.push(record.fact);
      else parts.push({ facts: [record.fact] });
    } else if (last && 'statements' in last && last.statements.at(-1)!.occurredAt === record.object.occurredAt) {
      last.statements.push(record.object);
    } else {
      parts.push({ statements: [record.object] });
    }
  }
  return inOrder ? parts : [{ statements }, { facts }].filter((part) => Object.values(part).flat().length > 0);
}

function refusedRecord(
  record: TouchpointFact | ObjectStatement,
  { code, message: reason }: { readonly code: string; readonly message: string },
): Omit<Unreadable, 'source' | 'journeyType'> {
  const raw = JSON.stringify(record);
  if (!('touchpointId' in record)) return { fingerprint: record.id, code, reason, raw, format: 'object-statement' };
  return { journeyId: record.journey.id, fingerprint: record.touchpointId, code, reason, raw, format: 'fact' };
}

const aboutRecord = ({ id, source, journeyType }: SpoolManifest) => ({ importId: id, source, journeyType });

const executeOptions = ({ id, asHistory }: SpoolManifest, actor: Actor | undefined): ExecuteOptions => ({
  context: { actor: actor ?? { id: 'import', role: 'system' }, correlationId: id },
  historical: asHistory,
  recordedAt: asHistory ? 'source' : 'clock',
});

const handled = ({ progress }: Spool): number => progress.taken + progress.known + progress.quarantined;

/** What the reading of a file found. */
export const readingReport = (log: SpoolManifest['log']) => ({
  journeys: log.journeys,
  traces: log.traces,
  ...(log.rows !== undefined && { rows: log.rows }),
  ...(log.objects !== undefined && { events: log.events, objects: log.objects }),
  losses: log.losses,
  warnings: log.warnings,
  kinds: [...log.kinds.map((kind) => kind.id), ...log.mappedKinds],
});

function resultOf(spool: Spool, resumed: boolean): ImportResult {
  const { manifest, progress } = spool;
  if (handled(spool) !== manifest.records) throw unbalanced();
  const { id, journeyType, source, unreadable } = manifest;
  const { taken, quarantined } = progress;
  const repeats = manifest.log.repeats ?? 0;
  const known = progress.known + repeats;
  const sent = manifest.records + repeats;
  const report = readingReport(manifest.log);
  return {
    ...report,
    id,
    status: 'imported',
    resumed,
    journeyType,
    source,
    sent,
    taken,
    known,
    quarantined,
    unreadable,
  };
}

const interrupted = (): TouchstoneError =>
  new TouchstoneError(
    'IMPORT_CANCELLED',
    'The import was cancelled while it was appending; import the same file with the same options to go on.',
  );

const unbalanced = (): TouchstoneError =>
  new TouchstoneError(
    'IMPORT_UNBALANCED',
    'Records were lost on their way: sent is not what was answered for.',
    'internal',
  );
