import {
  TouchstoneError,
  type EventSource,
  type ExecuteOptions,
  type Kernel,
  type WorkOutcome,
} from '@touchstone/eventing';
import { ChangeObject, LinkObjects, objectDecider } from './object.js';
import type { ObjectKey, ObjectLink } from './object.events.js';
import type { FactOutcome } from './touchpoint-fact.js';

/** What a source says of an object: its values from a time on, or its links to others. Pure data. */
export interface ObjectStatement {
  /** Event id; deterministic, so that a repeat is known. */
  readonly id: string;
  readonly object: ObjectKey;
  /** ISO 8601 with its original offset. */
  readonly occurredAt: string;
  readonly source: EventSource;
  /** Null: the attribute has no value from then on. Without any attribute: the object is there. */
  readonly change?: {
    readonly attributes: Readonly<Record<string, unknown>>;
    readonly personal?: Readonly<Record<string, unknown>>;
  };
  readonly links?: { readonly objects: readonly ObjectLink[] };
}

/** What became of a statement. `refused` ones belong in quarantine with the code and the message. */
export type StatementOutcome =
  { readonly outcome: 'taken' | 'known' } | Extract<FactOutcome, { readonly outcome: 'refused' }>;

/** Waits between attempts while the log's queue is full, in ms. */
const BUSY_WAITS = [10, 50, 200, 1_000, 4_000];

/** The way for what sources say of objects into the log. One outcome per statement, in order. */
export class ObjectIntake {
  constructor(private readonly kernel: Pick<Kernel, 'executeMany'>) {}

  /** @throws when the log itself does not answer: the same call again is safe then */
  async take(statements: readonly ObjectStatement[], options: ExecuteOptions = {}): Promise<StatementOutcome[]> {
    const work = statements.map((statement) => ({ decider: objectDecider as never, command: commandOf(statement) }));
    const outcomes = await this.kernel.executeMany(work, options);
    for (const wait of BUSY_WAITS) {
      const busy = outcomes.flatMap((outcome, i) => (!outcome.ok && isBusy(outcome.error) ? [i] : []));
      if (busy.length === 0) break;
      await new Promise((resolve) => setTimeout(resolve, wait));
      const again = await this.kernel.executeMany(
        busy.map((i) => work[i]!),
        options,
      );
      busy.forEach((i, at) => (outcomes[i] = again[at]!));
    }
    return outcomes.map(outcomeOf);
  }
}

function commandOf({ id, object, occurredAt, source, change, links }: ObjectStatement): ChangeObject | LinkObjects {
  if (links) return new LinkObjects({ object, linkId: id, occurredAt, source, objects: links.objects });
  const { attributes = {}, personal } = change ?? {};
  return new ChangeObject({ object, changeId: id, occurredAt, source, attributes: { ...attributes }, personal });
}

function outcomeOf(done: WorkOutcome): StatementOutcome {
  if (done.ok) return { outcome: done.done.events.length > 0 ? 'taken' : 'known' };
  const { error } = done;
  if (error instanceof TouchstoneError && isOfTheStatement(error)) {
    return { outcome: 'refused', code: error.code, message: error.message };
  }
  throw error;
}

/** A fault of the statement itself; anything else is a fault of the house and goes to the caller. */
const isOfTheStatement = ({ kind, code }: TouchstoneError): boolean =>
  kind === 'invalid' || kind === 'refused' || code === 'ID_TAKEN';

const isBusy = (error: unknown): boolean => error instanceof TouchstoneError && error.kind === 'busy';
