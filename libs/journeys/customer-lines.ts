/** Customers in time: each has a line of spans per type of journey, and a person who is several customers has all of theirs. */
import {
  deterministicId,
  TouchstoneError,
  type ExecuteOptions,
  type Kernel,
  type Work,
  type WorkOutcome,
} from '@touchstone/eventing';
import type { CorrelationInForce } from '@touchstone/packs';
import { faultOf } from './fact-faults.js';
import type { BindKey } from './lookup-key.js';
import { matterDecider, PlaceInMatter, type Matter } from './matter.js';
import type { UnplacedFact } from './touchpoint-fact.js';

/** Who is one person with whom, as far as it is known. */
export interface People {
  /** The others who are the same person as each of these customers; who is one alone is left out. */
  others(customerIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
}

/** A fact on its way to a place in time. */
export interface Timed {
  readonly fact: UnplacedFact;
  readonly customerId?: string;
  readonly journeyType: string;
  readonly rule: CorrelationInForce;
  /** It was placed before. */
  readonly known?: readonly unknown[];
  readonly places: readonly { readonly journeyId: string }[];
}

/** The customer's line with the fact in it, and those of the others who are the person. */
export interface Lines {
  readonly own: Matter;
  readonly others: readonly Matter[];
}

export type About = Pick<BindKey, 'occurredAt' | 'source'>;

export const aboutOf = ({ occurredAt, source }: UnplacedFact): About => ({
  occurredAt,
  source: { system: source.system, ...(source.recordedAt !== undefined && { recordedAt: source.recordedAt }) },
});

/** What the journey of a fact is called that opens one. */
export const ownJourney = ({ fact }: Pick<Timed, 'fact'>): string => deterministicId('journey', fact.factId);

export class CustomerLines {
  constructor(
    private readonly parts: {
      readonly kernel: Pick<Kernel, 'look'>;
      readonly execute: (work: readonly Work[], options: ExecuteOptions) => Promise<WorkOutcome[]>;
      readonly people?: People;
    },
  ) {}

  /**
   * Records where each fact stands in time; a repeat only looks. The other lines are looked at before, for the fact may
   * belong to one of their journeys, and once more after: of two who come at the same time, one sees the other. An error
   * is a fault of the fact.
   */
  async place(items: readonly Timed[], options: ExecuteOptions): Promise<(Lines | TouchstoneError)[]> {
    const others = await this.othersOf(items);
    const own: (Matter | TouchstoneError)[] = [];
    const open: number[] = [];
    for (const [i, item] of items.entries()) {
      if (!item.known) open.push(i);
      else own[i] = await this.look(item.customerId!, item.journeyType);
    }
    const work: Work[] = [];
    for (const i of open) {
      const beside = (await this.linesOf(items[i]!, others)).flatMap((line) => line.spans);
      work.push({ decider: matterDecider as never, command: placing(items[i]!, beside) });
    }
    const outcomes = work.length > 0 ? await this.parts.execute(work, options) : [];
    open.forEach((i, at) => {
      const outcome = outcomes[at]!;
      own[i] = outcome.ok ? (outcome.done.state as Matter) : faultOf(outcome.error);
    });
    const lines: (Lines | TouchstoneError)[] = [];
    for (const [i, item] of items.entries()) {
      const line = own[i]!;
      lines.push(line instanceof TouchstoneError ? line : { own: line, others: await this.linesOf(item, others) });
    }
    return lines;
  }

  private async othersOf(items: readonly Timed[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const { people } = this.parts;
    if (!people || items.length === 0) return new Map();
    return people.others([...new Set(items.map(({ customerId }) => customerId!))]);
  }

  private linesOf(item: Timed, others: ReadonlyMap<string, readonly string[]>): Promise<Matter[]> {
    const ids = others.get(item.customerId!) ?? [];
    return Promise.all(ids.map((customerId) => this.look(customerId, item.journeyType)));
  }

  private async look(customerId: string, journeyType: string): Promise<Matter> {
    return (await this.parts.kernel.look(matterDecider, matterOf(customerId, journeyType))).state;
  }
}

const matterOf = (customerId: string, journeyType: string): string =>
  deterministicId('matter', customerId, journeyType);

function placing(item: Timed, beside: PlaceInMatter['beside'] & object): PlaceInMatter {
  const { customerId, journeyType, rule, fact } = item;
  return new PlaceInMatter({
    matterId: matterOf(customerId!, journeyType),
    customerId: customerId!,
    journeyType,
    journeyId: item.places[0]?.journeyId ?? ownJourney(item),
    apart: item.places.length > 0 && rule.sameCustomer === 'ask',
    idleGapMs: rule.idleGapMs!,
    policyVersion: `${rule.journeyType}@${rule.pack}/${rule.version}`,
    ...(beside.length > 0 && { beside }),
    ...(aboutOf(fact) as { occurredAt: string }),
  });
}
