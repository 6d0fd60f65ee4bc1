import { byInstant } from '@touchstone/eventing';

type Ordered = Parameters<typeof byInstant>[0];

/** The customer of a journey so far: the one its first touchpoint names. */
interface Naming {
  customer: string;
  first: Ordered;
  /** Events that name this customer. */
  count: number;
  /** Events that name others. */
  others?: Map<string, number>;
}

/** What is kept of a trace that is past, packed: about 200 bytes and 8 for each event. */
interface Packed {
  next: number;
  prints: Float64Array;
  /** Event ids of the source and the content each stood for, in pairs. */
  ids?: Float64Array;
  naming?: Naming;
}

/** The same, unpacked for as long as the trace is read, and for good once it was continued. */
interface Open {
  next: number;
  readonly contents: Map<number, number>;
  readonly ids: Map<number, number>;
  naming?: Naming;
}

/**
 * Remembers the traces of one file, so that a second trace of the same name goes on where the first ended: its places
 * count on, and what is identical to an earlier event is told apart by its number. Contents are kept as 48 bits of
 * their hash, compared only within one trace.
 */
export class TraceMemory {
  private readonly past = new Map<string, Packed | Open>();
  private readonly moved = new Map<string, string>();

  open(journeyId: string): OpenTrace {
    const known = this.past.get(journeyId);
    const continued = known !== undefined;
    const open = known === undefined ? { next: 0, contents: new Map(), ids: new Map() } : unpacked(known);
    if (continued) this.past.set(journeyId, open);
    return new OpenTrace(open, continued, {
      done: () => {
        if (!continued) this.past.set(journeyId, packed(open));
      },
      moved: (customer) => this.moved.set(journeyId, customer),
    });
  }

  /** Journeys whose customer was settled otherwise by a later part: journey id to the customer's value. */
  get movedCustomers(): ReadonlyMap<string, string> {
    return this.moved;
  }

  /** What journeys name besides their own customer: other customers, and the events that name them. */
  otherCustomers(): { customers: number; events: number } {
    let customers = 0;
    let events = 0;
    for (const { naming } of this.past.values()) {
      customers += naming?.others?.size ?? 0;
      for (const count of naming?.others?.values() ?? []) events += count;
    }
    return { customers, events };
  }
}

/** A trace that is being read. */
export class OpenTrace {
  constructor(
    private readonly open: Open,
    /** The file had a trace of this name before. */
    readonly continued: boolean,
    private readonly on: { done(): void; moved(customer: string): void },
  ) {}

  /** The next 0-based place in the journey, in file order. */
  place(): number {
    return this.open.next++;
  }

  /** How often this content came before in the trace; `hash` is any UUID made of it. */
  occurrence(hash: string): number {
    const key = print(hash);
    const before = this.open.contents.get(key) ?? 0;
    this.open.contents.set(key, before + 1);
    return before;
  }

  /** Whether an event id of the source is new, comes again with the same content, or stands for something else. */
  sourceId(idHash: string, contentHash: string): 'new' | 'same' | 'other' {
    const content = print(contentHash);
    const known = this.open.ids.get(print(idHash));
    if (known === undefined) {
      this.open.ids.set(print(idHash), content);
      return 'new';
    }
    return known === content ? 'same' : 'other';
  }

  /** Takes the customers that the part's touchpoints name; returns the journey's. */
  customer(named: readonly (Ordered & { readonly customer: string })[]): string | undefined {
    const before = this.open.naming?.customer;
    for (const { customer, ...order } of named) this.name(customer, order);
    const after = this.open.naming?.customer;
    if (before !== undefined && after !== undefined && before !== after) this.on.moved(after);
    return after;
  }

  close(): void {
    this.on.done();
  }

  private name(customer: string, order: Ordered): void {
    const naming = this.open.naming;
    if (!naming) {
      this.open.naming = { customer, first: order, count: 1 };
    } else if (customer === naming.customer) {
      naming.count++;
      if (byInstant(order, naming.first) < 0) naming.first = order;
    } else {
      const others = (naming.others ??= new Map<string, number>());
      const count = (others.get(customer) ?? 0) + 1;
      others.set(customer, count);
      if (byInstant(order, naming.first) >= 0) return;
      others.delete(customer);
      others.set(naming.customer, naming.count);
      Object.assign(naming, { customer, first: order, count });
    }
  }
}

/** 48 bits of a UUID, as a whole number. */
const print = (uuid: string): number => Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);

function packed({ next, contents, ids, naming }: Open): Packed {
  const prints = new Float64Array([...contents].flatMap(([key, count]) => new Array<number>(count).fill(key)));
  return { next, prints, ids: ids.size > 0 ? new Float64Array([...ids].flat()) : undefined, naming };
}

function unpacked(trace: Packed | Open): Open {
  if ('contents' in trace) return trace;
  const contents = new Map<number, number>();
  for (const key of trace.prints) contents.set(key, (contents.get(key) ?? 0) + 1);
  const ids = new Map<number, number>();
  for (let i = 0; trace.ids && i < trace.ids.length; i += 2) ids.set(trace.ids[i]!, trace.ids[i + 1]!);
  return { next: trace.next, contents, ids, naming: trace.naming };
}
