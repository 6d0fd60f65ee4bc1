import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { deterministicId, TouchstoneError, type ActingContext } from '@touchstone/eventing';
import {
  type FactIntake,
  type FactOutcome,
  Lane,
  type LaneTurn,
  type ObjectFactIntake,
  type TouchpointFact,
  type UnplacedFact,
} from '@touchstone/journeys';
import type { BinaryEvent } from './cloudevents-http.js';
import { isObjectFact, readObjectFact, type ReadObjectFact } from './cloudevents-objects.js';
import { LARGEST_CLOUD_EVENT, readCloudEvent, type ReadCloudEvent } from './cloudevents.js';
import { inOrder } from './in-order.js';
import { elementsOf, parseJson, withoutMark } from './json-text.js';
import type { Quarantine, Unreadable } from './quarantine.js';
import { FREE_HAND, type Hand } from './stream-hand.js';
import { lineBatches, type Line } from './text-lines.js';

/** What became of one event. Nothing is ever lost: what is not taken is known already or in quarantine. */
export interface CloudEventAnswer {
  /** 1-based, of a stream or a batch. */
  readonly line?: number;
  /** The event's own id, where it has one. */
  readonly id: string | null;
  readonly outcome: 'taken' | 'known' | 'quarantined';
  /** Why it is in quarantine; of one that is known, that it says something else than the first. */
  readonly code?: string;
  readonly message?: string;
  /** Where it stands there: it can be mended and driven in again. */
  readonly quarantineId?: string;
  readonly journeyId?: string;
  readonly touchpointId?: string;
  /** Of a fact of an object. */
  readonly factId?: string;
  readonly revision?: number;
  readonly position?: string;
}

/** Events of one batch at most; a longer list comes as lines. */
export const LARGEST_BATCH = 1_000;
/** Events appended at once. */
const CHUNK = 1_000;
/** Chunks of a stream in hand: one in each stage of its way into the log, and one that is being understood meanwhile. */
const CHUNKS_IN_HAND = 4;
/** Of an event that is too long, this much is kept in quarantine. */
const KEPT_CHARACTERS = 64 * 1024;
/** Where the source is unreadable too, records are listed under this name. */
const UNKNOWN_SOURCE = 'cloudevents';

/** What a record of an event keeps besides its text. */
export interface EventContext {
  /** What was wrong with the headers of a binary event; its text has them, each under its name. */
  readonly fault: string;
}

interface Received {
  readonly line?: number;
  readonly raw: string;
  /** Stands for `raw` where that is a beginning only. */
  readonly hash?: string;
  /** What reading it again needs besides. */
  readonly context?: EventContext;
  readonly read: ReadCloudEvent | ReadObjectFact;
}

/** Takes CloudEvents in, one by one, in batches or as a stream of lines, through the same pipeline as imports. */
export class CloudEventIntake {
  constructor(
    private readonly parts: {
      readonly intake: Pick<FactIntake, 'take'>;
      readonly objects: Pick<ObjectFactIntake, 'take'>;
      readonly quarantine: Pick<Quarantine, 'keep'>;
    },
  ) {}

  /** Takes one event that was parsed already. @throws what the log throws when it does not answer */
  takeOne(event: unknown, context?: ActingContext): Promise<CloudEventAnswer> {
    return this.takeText({ text: JSON.stringify(event) ?? 'null' }, context);
  }

  /** Takes one event in JSON. @throws INVALID_JSON, and what the log throws when it does not answer */
  async takeText({ text, fault }: BinaryEvent, context?: ActingContext): Promise<CloudEventAnswer> {
    const received = understood(withoutMark(text), undefined);
    if (isNoJson(received)) throw noEvent();
    const damaged =
      fault === undefined ? received : { ...received, read: withFault(received.read, fault), context: { fault } };
    const [answer] = await this.take([damaged], context);
    return answer!;
  }

  /**
   * Takes a JSON array of events, each for itself: one answer per event, in order.
   * @throws INVALID_JSON, BATCH_TOO_LARGE: nothing of it was taken; and what the log throws when it does not answer
   */
  async takeBatch(text: string, context?: ActingContext): Promise<CloudEventAnswer[]> {
    const elements = elementsOf(withoutMark(text));
    if (!elements) throw noBatch();
    if (elements.length > LARGEST_BATCH) throw batchTooLarge(elements.length);
    const all = elements.map((element, index) => understood(element, index + 1));
    // A piece that is no JSON says that the array is none: nobody knows where one event ends and the next begins.
    if (all.some(isNoJson)) throw noBatch();
    return this.take(all, context);
  }

  /**
   * Takes newline-delimited events as they come and answers each line, in order. The consumer sets the pace: no more
   * is read than four chunks beyond what was answered, and each is understood while those before are on their way into
   * the log.
   * @throws what the log or the source throws; lines answered before are durable, and sending all again is safe
   */
  async *takeLines(
    source: AsyncIterable<Uint8Array>,
    context?: ActingContext,
    hand: Hand = FREE_HAND,
  ): AsyncGenerator<CloudEventAnswer[]> {
    const lane = new Lane();
    const taken = (lines: Line[]): Promise<CloudEventAnswer[]> => {
      hand.began(lines.length);
      const all = lines.map(received);
      const bytes = lines.reduce((sum, line) => sum + line.bytes.length, 0);
      return lane.run((turn) => this.take(all, context, turn)).finally(() => hand.give(bytes));
    };
    const dropped = (bytes: number) => hand.give(bytes);
    const batches = lineBatches(charged(source, hand), { longest: LARGEST_CLOUD_EVENT, most: CHUNK, dropped });
    yield* inOrder(batches, taken, CHUNKS_IN_HAND);
  }

  private async take(all: readonly Received[], context?: ActingContext, turn?: LaneTurn): Promise<CloudEventAnswer[]> {
    const facts: (TouchpointFact | UnplacedFact)[] = [];
    for (const { read } of all) if ('fact' in read) facts.push(read.fact);
    const outcomes = facts.length > 0 ? await this.parts.intake.take(facts, { context }, turn) : [];
    const answers: CloudEventAnswer[] = new Array<CloudEventAnswer>(all.length);
    const refused: { index: number; problem: Problem; record: Unreadable }[] = [];
    const shared = all.flatMap(({ read }) => ('objectFact' in read ? [read.objectFact] : []));
    const takeShared = () => this.parts.objects.take(shared, { context });
    const ofObjects = shared.length === 0 ? [] : await (turn ? turn.stage('objects', takeShared) : takeShared());
    let next = 0;
    let nextOfObject = 0;
    const readBack = ({ read }: Received) => {
      if ('fact' in read) return problemOf(read.fact, outcomes[next++]!);
      return 'objectFact' in read ? asProblem(ofObjects[nextOfObject++]!) : read;
    };
    all.forEach((one, index) => {
      const { line, read } = one;
      const problem = readBack(one);
      if ('reason' in problem) refused.push({ index, problem, record: unreadable(one, problem) });
      else answers[index] = { line, id: read.id, ...problem };
    });
    // Durable before anybody is told.
    const kept = await this.parts.quarantine.keep(refused.map(({ record }) => record));
    refused.forEach(({ index, problem: { code, reason } }, i) => {
      const { line, read } = all[index]!;
      const { id: quarantineId, settled } = kept[i]!;
      answers[index] = settled
        ? // Somebody has mended this very record and driven it in.
          { line, id: read.id, outcome: 'known', ...settled }
        : { line, id: read.id, outcome: 'quarantined', code, message: reason, quarantineId };
    });
    return answers;
  }
}

async function* charged(source: AsyncIterable<Uint8Array>, hand: Hand): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) {
    await hand.take(bytes.length);
    yield bytes;
  }
}

const readEvent = (value: unknown): ReadCloudEvent | ReadObjectFact =>
  isObjectFact(value) ? readObjectFact(value) : readCloudEvent(value);

type Problem = { readonly code: string; readonly reason: string };

/** A refusal with its reason, or what the log has of the fact. */
export function problemOf(
  fact: TouchpointFact | UnplacedFact,
  outcome: FactOutcome,
): Problem | Exclude<FactOutcome, { outcome: 'refused' }> {
  if (outcome.outcome !== 'refused') return outcome;
  const { id, type }: { id?: string; type?: string } = fact.journey ?? {};
  if (type === '' && outcome.message.startsWith('JourneyOpened')) {
    const reason = `There is no journey ${id}: name its type too, so that it can be opened.`;
    return { code: 'JOURNEY_UNKNOWN', reason };
  }
  return asProblem(outcome);
}

/** A refusal as a problem; what was taken stays as it is. */
const asProblem = <O extends { readonly outcome: string }>(
  outcome: O,
): Exclude<O, { readonly outcome: 'refused' }> | Problem => {
  if (outcome.outcome !== 'refused') return outcome as Exclude<O, { readonly outcome: 'refused' }>;
  const { code, message } = outcome as unknown as { readonly code: string; readonly message: string };
  return { code, reason: message };
};

function unreadable({ line, raw, hash, context, read }: Received, { code, reason }: Problem): Unreadable {
  const source = 'fact' in read ? read.fact.source.system : (read.source ?? UNKNOWN_SOURCE);
  const journey: { id?: string; type?: string } | undefined = 'fact' in read ? read.fact.journey : undefined;
  const about = { journeyType: journey?.type || undefined, journeyId: journey?.id };
  const fingerprint = deterministicId('cloudevents', source, read.id ?? '', hash ?? raw);
  return {
    source: source.slice(0, 512),
    ...about,
    fingerprint,
    line,
    code,
    reason,
    format: 'cloudevent',
    raw,
    context,
  };
}

const nobody = (code: string, reason: string): ReadCloudEvent => ({ id: null, source: null, code, reason });

function received({ number, bytes, tooLong, hash }: Line): Received {
  if (tooLong) {
    const read = nobody('EVENT_TOO_LARGE', tooLarge('line'));
    // What stands at the cut may be half a character: it is left out.
    const text = new TextDecoder().decode(bytes.subarray(0, KEPT_CHARACTERS * 4), { stream: true });
    return { line: number, raw: beginningOf(text), hash, read };
  }
  if (!isUtf8(bytes)) {
    const read = nobody('LINE_NOT_UTF8', 'The line is not UTF-8; its bytes are kept in base64.');
    return { line: number, raw: bytes.toString('base64'), read };
  }
  return understood(withoutMark(bytes.toString()), number);
}

function understood(raw: string, line: number | undefined): Received {
  if (raw.length * 3 > LARGEST_CLOUD_EVENT && Buffer.byteLength(raw) > LARGEST_CLOUD_EVENT) {
    const hash = createHash('sha256').update(raw).digest('hex');
    return { line, raw: beginningOf(raw), hash, read: nobody('EVENT_TOO_LARGE', tooLarge('event')) };
  }
  const parsed = parseJson(raw);
  return { line, raw, read: 'code' in parsed ? nobody(parsed.code, parsed.reason) : readEvent(parsed.value) };
}

function beginningOf(text: string): string {
  const beginning = text.slice(0, KEPT_CHARACTERS);
  // Half of a pair could not be written down again.
  return /[\ud800-\udbff]$/.test(beginning) ? beginning.slice(0, -1) : beginning;
}

const isNoJson = ({ read }: Received): boolean => 'code' in read && read.code === 'INVALID_JSON';

/** A binary event keeps the id and source that could be read. */
const withFault = (read: Received['read'], reason: string): ReadCloudEvent => ({
  id: read.id,
  source: 'fact' in read ? read.fact.source.system : read.source,
  code: 'CLOUDEVENT_INVALID',
  reason,
});

const tooLarge = (what: string): string =>
  `The ${what} is longer than ${LARGEST_CLOUD_EVENT} bytes; its first ${KEPT_CHARACTERS} characters are kept.`;

const noEvent = (): TouchstoneError =>
  new TouchstoneError('INVALID_JSON', 'The body is not JSON: send one CloudEvent as a JSON object.', 'invalid');

const noBatch = (): TouchstoneError =>
  new TouchstoneError('INVALID_JSON', 'The body is no JSON array: send CloudEvents in one, or one a line.', 'invalid');

const batchTooLarge = (events: number): TouchstoneError =>
  new TouchstoneError(
    'BATCH_TOO_LARGE',
    `The batch has ${events} events, and ${LARGEST_BATCH} are taken at once: send them in parts, or one a line as ` +
      'application/x-ndjson.',
    'limit',
  );
