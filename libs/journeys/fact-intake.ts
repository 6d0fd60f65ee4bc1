import {
  isInstant,
  type Kernel,
  TouchstoneError,
  type ExecuteOptions,
  type Vault,
  type Work,
  type WorkOutcome,
} from '@touchstone/eventing';
import type { PackCatalogue } from '@touchstone/packs';
import { Correlation, type FactPlace, type FactPlaces, type Placed } from './correlation.js';
import { CustomerClaims } from './customer-claims.js';
import type { People } from './customer-lines.js';
import { outcomeOf, refused, together, toldWhole, type Recording } from './fact-outcome.js';
import { FactFollowUp, type Doubtful } from './fact-follow-up.js';
import { differs, digestOf, FactsBefore, type Before } from './facts-before.js';
import { journeyDecider, RecordTouchpoint } from './journey.js';
import { TouchpointRecorded, type TouchpointContent } from './journey.events.js';
import type { LaneTurn } from './lane.js';
import { JourneyJoining } from './journey-joining.js';
import { OpenEnds } from './open-ends.js';
import { executePatiently } from './patient-execution.js';
import { touchpointContent } from './touchpoint-content.js';
import { isPlaced, repeatIdOf, type FactOutcome, type TouchpointFact, type UnplacedFact } from './touchpoint-fact.js';

/** A fact that was understood, and what is known of one that came before. */
interface Readable {
  readonly index: number;
  readonly fact: TouchpointFact | UnplacedFact;
  readonly content: TouchpointContent;
  readonly before?: Before;
  readonly digest?: string;
}

/** Does the work of a stage when it is its turn. */
type Stages = LaneTurn['stage'];
const inNoTurn: Stages = async (_stage, work) => work();

/** With the customer it names. */
interface Understood extends Readable {
  readonly customerId?: string;
}

/**
 * The one way for facts into the log: resolves kinds and customers, finds a journey for facts that name none, then
 * records each fact in its journey through the kernel. One outcome per fact, in order; the same fact again is `known`.
 */
export class FactIntake {
  private readonly customers: CustomerClaims;
  private readonly correlation: Correlation;
  /** What follows from facts once they are recorded. */
  readonly follows: FactFollowUp;
  private readonly ends: OpenEnds;
  private readonly before: FactsBefore;

  constructor(
    private readonly kernel: Kernel,
    vault: Vault,
    private readonly packs: PackCatalogue,
    more: {
      /** Where facts went before; without it a repeat is known as long as the rules stay as they are. */
      readonly places?: FactPlaces;
      /** Who is one person with whom; without it every customer is one. */
      readonly people?: People;
      /** The one that merges for people, so that no two merges close a circle. */
      readonly joining?: JourneyJoining;
      /** Known to the policy that makes good what is broken off. */
      readonly ends?: OpenEnds;
    } = {},
  ) {
    const execute = (work: readonly Work[], options: ExecuteOptions) => executePatiently(kernel, work, options);
    this.customers = new CustomerClaims({ kernel, execute, vault });
    this.correlation = new Correlation({ kernel, execute, vault, packs, places: more.places, people: more.people });
    const joining = more.joining ?? new JourneyJoining(kernel);
    this.follows = new FactFollowUp({ correlation: this.correlation, joining, execute });
    this.ends = more.ends ?? new OpenEnds();
    this.before = new FactsBefore({ places: more.places, since: () => packs.correlationSince });
  }

  /**
   * @throws when the log itself does not answer (LOG_BUSY after waiting, LOG_CLOSED ...), or the read models that know
   * where facts went before: nothing is known of the outcome then, and the same call again is safe
   * @param turn of a sender that sends in parts: they go through the stages `place`, `record` and `follow` in order
   */
  async take(
    facts: readonly (TouchpointFact | UnplacedFact)[],
    options: ExecuteOptions = {},
    turn?: LaneTurn,
  ): Promise<FactOutcome[]> {
    const outcomes: FactOutcome[] = new Array<FactOutcome>(facts.length);
    // A repeat in the same chunk comes after the first.
    for (let open = [...facts.keys()]; open.length > 0;) {
      const [now, later] = firstOfEach(facts, open);
      const some = now.map((i) => facts[i]!);
      const stage: Stages = turn && open.length === facts.length ? (...of) => turn.stage(...of) : inNoTurn;
      const done = await this.before.inTurn(some, () => this.takeDistinct(some, options, stage));
      now.forEach((i, at) => (outcomes[i] = done[at]!));
      open = later;
    }
    return outcomes;
  }

  private async takeDistinct(
    facts: readonly (TouchpointFact | UnplacedFact)[],
    options: ExecuteOptions,
    stage: Stages,
  ): Promise<FactOutcome[]> {
    const outcomes: FactOutcome[] = new Array<FactOutcome>(facts.length);
    const contents = facts.map((fact, i) => {
      try {
        if (!isInstant(fact.occurredAt)) throw noInstant(fact.occurredAt);
        const content = touchpointContent(this.packs.kind(fact.kind), fact);
        // What is claimed for it before it is recorded must not be claimed in vain.
        if (!isPlaced(fact)) mustBeRecordable(fact, content);
        return content;
      } catch (error) {
        outcomes[i] = refused(error);
        return null;
      }
    });
    const recordings: Recording[] = [];
    const { understood, doubts, placed } = await stage('place', async () => {
      const befores = await this.before.of(facts);
      const readable: Readable[] = [];
      facts.forEach((fact, index) => {
        const content = contents[index];
        if (!content) return;
        const before = befores[index];
        const digest = repeatIdOf(fact) === undefined ? undefined : digestOf(fact);
        if (before && differs(fact, before, digest)) recordings.push(...repeatsOf({ index, fact, content }, before));
        else readable.push({ index, fact, content, before, digest });
      });
      // Only a fact that can be taken in makes a customer known.
      const { understood, doubts } = await this.understand(readable, outcomes, options);
      return { understood, doubts, placed: await this.place(understood, outcomes, options) };
    });
    for (const each of understood) recordings.push(...recordingsOf(each, placed.get(each.index)));
    const ids = recordings.map(({ touchpointId }) => touchpointId);
    this.ends.begin(ids);
    try {
      const work = recordings.map(({ command }) => ({ decider: journeyDecider as never, command }));
      const done = await stage('record', () => this.execute(work, options));
      recordings.forEach((recording, i) => {
        const { index } = recording;
        outcomes[index] = together(outcomes[index], outcomeOf(done[i]!, recording));
      });
      await stage('follow', () => this.followUp(understood, placed, outcomes, doubts, options));
      this.remember(understood, recordings, outcomes);
      this.ends.done(ids);
    } finally {
      this.ends.brokenOff(ids);
    }
    return outcomes.map(toldWhole);
  }

  /** Id of the customer with this identifier; registers one when there is none. @throws what refuses the identifier */
  async customer(identifier: { type: string; value: string }, options: ExecuteOptions = {}): Promise<string> {
    const { answers } = await this.customers.customersOf([{ customer: identifier }], options);
    const [found] = answers;
    if (typeof found === 'string') return found;
    throw found!;
  }

  /** Remembers no identifier of these customers any more: whoever comes with one is looked up anew. */
  letGoOf(customerIds: readonly string[]): void {
    this.customers.letGoOf(customerIds);
  }

  /** Whose they are; only a fact that can be taken in makes a customer known. */
  private async understand(readable: readonly Readable[], outcomes: FactOutcome[], options: ExecuteOptions) {
    const { answers, doubts } = await this.customers.customersOf(
      readable.map(({ fact }) => fact),
      options,
    );
    const understood = readable.flatMap((each, i): Understood[] => {
      const customerId = answers[i];
      const { index, fact, content, before, digest } = each;
      if (!(customerId instanceof TouchstoneError)) return [{ index, fact, content, before, digest, customerId }];
      outcomes[index] = refused(customerId);
      return [];
    });
    return { understood, doubts };
  }

  /** What was refused in part is not known: its repeat may find the rest. */
  private remember(
    understood: readonly Understood[],
    recordings: readonly Recording[],
    outcomes: readonly FactOutcome[],
  ): void {
    const places = new Map<number, FactPlace[]>();
    for (const { index, journeyId, touchpointId } of recordings) {
      const own = places.get(index);
      if (own) own.push({ journeyId, touchpointId });
      else places.set(index, [{ journeyId, touchpointId }]);
    }
    for (const { index, fact, before, digest } of understood) {
      const { outcome } = outcomes[index]!;
      const id = repeatIdOf(fact);
      if (id === undefined || outcome === 'refused') continue;
      // What the first said is not known by its repeat.
      const said = outcome === 'taken' ? digest : before?.digest;
      this.before.remember(id, { places: places.get(index)!, digest: said });
    }
  }

  private async place(
    facts: readonly Understood[],
    outcomes: FactOutcome[],
    options: ExecuteOptions,
  ): Promise<Map<number, Placed>> {
    const found = new Map<number, Placed>();
    const open = facts.flatMap(({ fact, ...rest }) => (isPlaced(fact) ? [] : [{ fact, ...rest }]));
    if (open.length === 0) return found;
    const known = new Map(open.flatMap(({ fact, before }) => (before ? [[fact.factId, before.places] as const] : [])));
    const answers = await this.correlation.place(open, known, options);
    open.forEach(({ index }, i) => {
      const answer = answers[i]!;
      if (answer instanceof TouchstoneError) outcomes[index] = refused(answer);
      else found.set(index, answer);
    });
    return found;
  }

  /**
   * What follows from the facts for other journeys and customers. It comes last, and before anybody is told that a fact
   * is taken: whoever got no answer sends it again, and then it is made good; so does the policy, if nobody does.
   */
  private async followUp(
    facts: readonly Understood[],
    placed: ReadonlyMap<number, Placed>,
    outcomes: readonly FactOutcome[],
    ofCustomers: readonly Doubtful[],
    options: ExecuteOptions,
  ): Promise<void> {
    const recorded = facts.flatMap(({ fact, index }) =>
      outcomes[index]!.outcome === 'refused' ? [] : [{ fact, placed: placed.get(index) }],
    );
    await this.follows.make(recorded, ofCustomers, options);
  }

  private execute(work: readonly Work[], options: ExecuteOptions): Promise<WorkOutcome[]> {
    return executePatiently(this.kernel, work, options);
  }
}

function recordingsOf({ index, fact, content, customerId }: Understood, placed: Placed | undefined): Recording[] {
  const { occurredAt, source } = fact;
  const whole = customerId === undefined ? content : { ...content, customerId };
  if (isPlaced(fact)) {
    const { touchpointId, journey, factId } = fact;
    const open = { journeyType: journey.type, key: journey.key, customerId };
    const command = new RecordTouchpoint({
      journeyId: journey.id,
      open,
      touchpointId,
      occurredAt,
      source,
      factId,
      content: whole,
    });
    return [{ index, journeyId: journey.id, touchpointId, command }];
  }
  if (!placed) return [];
  const open = { journeyType: placed.journeyType, customerId };
  return placed.places.map(({ journeyId, touchpointId, correlation }) => {
    const found = { factId: fact.factId, correlation };
    const command = new RecordTouchpoint({
      journeyId,
      open,
      touchpointId,
      occurredAt,
      source,
      content: whole,
      ...found,
    });
    return { index, journeyId, touchpointId, command };
  });
}

/** Asks the journeys where the first went, which know it: nothing is recorded. */
function repeatsOf({ index, fact, content }: Readable, { places }: Before): Recording[] {
  const { factId, occurredAt, source } = fact;
  return places.map(({ journeyId, touchpointId }) => {
    const command = new RecordTouchpoint({ journeyId, touchpointId, occurredAt, source, factId, content });
    return { index, journeyId, touchpointId, command, differs: true };
  });
}

/** The first of those with the same id of the source's event, and the others. */
function firstOfEach(facts: readonly (TouchpointFact | UnplacedFact)[], open: readonly number[]): [number[], number[]] {
  const seen = new Set<string>();
  const [now, later]: [number[], number[]] = [[], []];
  for (const i of open) {
    const id = repeatIdOf(facts[i]!);
    if (id !== undefined && seen.has(id)) later.push(i);
    else now.push(i);
    if (id !== undefined) seen.add(id);
  }
  return [now, later];
}

/** Bytes of an event that are not its content: ids, correlation, metadata. */
const AROUND_CONTENT = 4_000;
/** What is sealed grows: base64 and a few bytes. */
const SEALED = 1.4;

/** @throws EVENT_INVALID, EVENT_TOO_LARGE: what the log would say of the touchpoint, a little earlier */
function mustBeRecordable({ source }: UnplacedFact, content: TouchpointContent): void {
  if (source.recordedAt !== undefined && !isInstant(source.recordedAt)) throw noInstant(source.recordedAt);
  const fault = TouchpointRecorded.fault(content);
  if (fault) {
    throw new TouchstoneError('EVENT_INVALID', `TouchpointRecorded cannot be recorded: ${fault}.`, 'invalid');
  }
  const { personal, ...open } = content;
  const bytes = (value: object) => Buffer.byteLength(JSON.stringify(value));
  const size = bytes(open) + (personal ? SEALED * bytes(personal) : 0) + AROUND_CONTENT;
  if (size <= MAX_EVENT_BYTES) return;
  const message = `The touchpoint has about ${Math.round(size)} bytes as an event; at most ${MAX_EVENT_BYTES} are allowed. Store the bulk elsewhere and refer to it.`;
  throw new TouchstoneError('EVENT_TOO_LARGE', message, 'invalid');
}

/** As the log has it. */
const MAX_EVENT_BYTES = 1_000_000;

const noInstant = (text: string): TouchstoneError =>
  new TouchstoneError('EVENT_INVALID', `"${text}" is no instant: give date, time and zone offset.`, 'invalid');
