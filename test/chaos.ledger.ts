import type { Acknowledged, ChaosWork, Order, Said } from './chaos.children.js';

/** Something that was acknowledged: it must be found whatever happened since. */
export interface Claim {
  /** Which request it was, for whoever reads a finding. */
  readonly key: string;
  /** The event by its id, else by its position. */
  readonly id?: string;
  readonly position?: string;
  readonly stream?: string;
  readonly revision?: number;
  readonly type?: string;
  readonly occurredAt?: string;
  readonly recordedAt?: string;
  /** The data as stored. */
  readonly data?: unknown;
  /** Fields of the data as they were sent. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Personal fields as they were sent. */
  readonly opened?: Readonly<Record<string, unknown>>;
}

/** What the world outside knows of a house: what it asked for and what it was told. */
export class Ledger {
  readonly heard: Said[] = [];
  readonly claims: Claim[] = [];
  /** Sources of records that were said to be in quarantine. */
  readonly quarantined: string[] = [];
  /** Where each group's read model was seen last: readers may have seen it too. */
  readonly checkpoints = new Map<string, string>();
  /** What should never have been answered. */
  readonly complaints: string[] = [];
  private readonly orders = new Map<string, Order>();
  private readonly open = new Map<string, Order>();
  private readonly ids = new Set<string>();

  /** Orders that never had an answer. */
  get unanswered(): Order[] {
    return [...this.open.values()];
  }

  /** True for an id that somebody asked to have recorded. */
  asked(id: string): boolean {
    return this.ids.has(id);
  }

  /** Ids that one append request carries: all of them are there, or none. Of orders without an answer. */
  together(): string[][] {
    const groups = new Map<string, string[]>();
    for (const { key, works } of this.open.values()) {
      for (const work of works) {
        const id = idOf(work);
        if (id === undefined) continue;
        const group = `${key} ${String(work.payload['journeyId'])}`;
        groups.set(group, [...(groups.get(group) ?? []), id]);
      }
    }
    return [...groups.values()];
  }

  hear(said: Said): void {
    this.heard.push(said);
    if ('about' in said) this.intend({ key: said.about, works: said.works });
    else if ('done' in said) this.acknowledge(said.done, said.outcomes);
    else if ('broken' in said) this.complaints.push(said.broken);
  }

  private intend(order: Order): void {
    this.orders.set(order.key, order);
    this.open.set(order.key, order);
    for (const work of order.works) {
      const id = idOf(work);
      if (id !== undefined) this.ids.add(id);
    }
  }

  private acknowledge(key: string, outcomes: Extract<Said, { done: string }>['outcomes']): void {
    const order = this.orders.get(key)!;
    this.open.delete(key);
    outcomes.forEach((outcome, i) => {
      if (outcome.ok) this.claims.push(...claimsOf(key, order.works[i]!, outcome));
      // What is refused by a rule, or met a rival, was answered as it should be.
      else if (outcome.kind !== 'refused') this.complaints.push(`${key} was answered ${outcome.kind} ${outcome.code}.`);
    });
  }
}

function* claimsOf(
  key: string,
  work: ChaosWork,
  { stream, revision, position, events }: Acknowledged,
): Generator<Claim> {
  if (position) yield { key, position, stream, revision };
  for (const event of events) yield { key, stream, ...event, ...sent(work, event.type) };
}

function sent({ payload }: ChaosWork, type: string | undefined): Pick<Claim, 'fields' | 'opened'> {
  switch (type) {
    case 'TouchpointRecorded':
    case 'TouchpointCorrected': {
      const { personal, ...fields } = payload['content'] as Record<string, unknown>;
      return { fields, ...(personal !== undefined && { opened: { personal } }) };
    }
    case 'CustomerRegistered':
    case 'CustomerUpdated':
    case 'NoteAdded':
    case 'JourneyHandedOver': {
      const personal = ['identifiers', 'name', 'phone', 'text', 'note'].filter((field) => field in payload);
      return { opened: Object.fromEntries(personal.map((field) => [field, payload[field]])) };
    }
    default:
      return {};
  }
}

const idOf = ({ payload }: ChaosWork) => (payload['touchpointId'] ?? payload['noteId']) as string | undefined;
