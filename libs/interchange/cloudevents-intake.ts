import { deterministicId, type ActingContext } from '@touchstone/eventing';
import type { FactIntake, FactOutcome, TouchpointFact, UnplacedFact } from '@touchstone/journeys';
import { LARGEST_CLOUD_EVENT, readCloudEvent, type ReadCloudEvent } from './cloudevents.js';
import type { Quarantine, Unreadable } from './quarantine.js';
import { lineBatches, type Line } from './text-lines.js';

/** What became of one event. Nothing is ever lost: what is not taken is known already or in quarantine. */
export interface CloudEventAnswer {
  /** 1-based, of a stream. */
  readonly line?: number;
  /** The event's own id, where it has one. */
  readonly id: string | null;
  readonly outcome: 'taken' | 'known' | 'quarantined';
  /** Why it is in quarantine. */
  readonly code?: string;
  readonly message?: string;
  readonly journeyId?: string;
  readonly touchpointId?: string;
  readonly revision?: number;
  readonly position?: string;
}

/** Events appended at once. */
const BATCH = 1_000;
/** Of a line that is too long, this much is kept in quarantine. */
const KEPT_BYTES = 64 * 1024;
/** Where the source is unreadable too, records are listed under this name. */
const UNKNOWN_SOURCE = 'cloudevents';

interface Received {
  readonly line?: number;
  readonly raw: string;
  readonly read: ReadCloudEvent;
}

/** Takes CloudEvents in, one by one or as a stream of lines, through the same pipeline as imports. */
export class CloudEventIntake {
  constructor(
    private readonly parts: {
      readonly intake: Pick<FactIntake, 'take'>;
      readonly quarantine: Pick<Quarantine, 'add'>;
    },
  ) {}

  /** Takes one event that was parsed already. @throws what the log throws when it does not answer */
  async takeOne(event: unknown, context?: ActingContext): Promise<CloudEventAnswer> {
    const received = { raw: JSON.stringify(event) ?? 'null', read: readCloudEvent(event) };
    const [answer] = await this.take([received], context);
    return answer!;
  }

  /**
   * Takes newline-delimited events as they come and answers each line, in order. The consumer sets the pace; some
   * hundred lines are held at a time.
   * @throws what the log or the source throws; lines answered before are durable, and sending all again is safe
   */
  async *takeLines(source: AsyncIterable<Uint8Array>, context?: ActingContext): AsyncGenerator<CloudEventAnswer[]> {
    for await (const lines of lineBatches(source, { longest: LARGEST_CLOUD_EVENT, most: BATCH })) {
      yield await this.take(lines.map(received), context);
    }
  }

  private async take(all: readonly Received[], context?: ActingContext): Promise<CloudEventAnswer[]> {
    const facts: (TouchpointFact | UnplacedFact)[] = [];
    for (const { read } of all) if ('fact' in read) facts.push(read.fact);
    const outcomes = facts.length > 0 ? await this.parts.intake.take(facts, { context }) : [];
    const quarantined: Unreadable[] = [];
    let next = 0;
    const answers = all.map((one): CloudEventAnswer => {
      const problem = 'fact' in one.read ? problemOf(one.read.fact, outcomes[next++]!) : one.read;
      const { line } = one;
      if (!('code' in problem)) return { line, id: one.read.id, ...problem };
      quarantined.push(unreadable(one, problem));
      return { line, id: one.read.id, outcome: 'quarantined', code: problem.code, message: problem.reason };
    });
    // Durable before anybody is told.
    await this.parts.quarantine.add(quarantined);
    return answers;
  }
}

type Problem = { readonly code: string; readonly reason: string };

function problemOf(
  fact: TouchpointFact | UnplacedFact,
  outcome: FactOutcome,
): Problem | Exclude<FactOutcome, { outcome: 'refused' }> {
  if (outcome.outcome !== 'refused') return outcome;
  const { id, type }: { id?: string; type?: string } = fact.journey ?? {};
  if (type === '' && outcome.message.startsWith('JourneyOpened')) {
    const reason = `There is no journey ${id}: name its type too, so that it can be opened.`;
    return { code: 'JOURNEY_UNKNOWN', reason };
  }
  return { code: outcome.code, reason: outcome.message };
}

function unreadable({ line, raw, read }: Received, { code, reason }: Problem): Unreadable {
  const source = 'fact' in read ? read.fact.source.system : (read.source ?? UNKNOWN_SOURCE);
  const journey: { id?: string; type?: string } | undefined = 'fact' in read ? read.fact.journey : undefined;
  const about = { journeyType: journey?.type || undefined, journeyId: journey?.id };
  const fingerprint = deterministicId('cloudevents', source, read.id ?? '', raw);
  return { source: source.slice(0, 512), ...about, fingerprint, line, code, reason, raw };
}

function received({ number, bytes, tooLong }: Line): Received {
  const nothing = { id: null, source: null };
  if (tooLong) {
    const reason = `The line is longer than ${LARGEST_CLOUD_EVENT} bytes; its first ${KEPT_BYTES} bytes are kept.`;
    const raw = bytes.toString('latin1', 0, KEPT_BYTES);
    return { line: number, raw, read: { ...nothing, code: 'EVENT_TOO_LARGE', reason } };
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const reason = 'The line is not UTF-8; its bytes are kept in base64.';
    return { line: number, raw: bytes.toString('base64'), read: { ...nothing, code: 'LINE_NOT_UTF8', reason } };
  }
  try {
    return { line: number, raw: text, read: readCloudEvent(JSON.parse(text)) };
  } catch {
    return { line: number, raw: text, read: { ...nothing, code: 'INVALID_JSON', reason: 'The line is not JSON.' } };
  }
}
