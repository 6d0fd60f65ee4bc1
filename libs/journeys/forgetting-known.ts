/** Who somebody is, and what is theirs, at a moment at which the read models may not have come as far as the log. */
import type { EventLog, RecordedEvent } from '@touchstone/eventing';
import type { ReadAnswer, Reads } from '@touchstone/readmodel';
import { personQuery, type Person } from './forgetting.queries.js';

export interface Known {
  readonly customers: ReadonlySet<string>;
  /** What the read models say is theirs. */
  readonly journeys: ReadonlySet<string>;
  /** What the log has said of them since; some of it may turn out to be somebody else's. */
  readonly perhaps: ReadonlySet<string>;
  /** Names of objects that say something of them, by the read models and by the log since. */
  readonly objects: ReadonlySet<string>;
  /** Keyed hashes that lead or led to them. */
  readonly hashes: ReadonlySet<string>;
}

/** How long a read model is waited for, in ms. */
const PATIENCE_MS = 5_000;

/**
 * Everybody who is one person with these customers: by the read models as far as they have come, and by the log from
 * there on. Of read models that do not answer, by the whole log.
 */
export async function knownNow(
  parts: { readonly log: Pick<EventLog, 'readAll'>; readonly reads: Reads; readonly signal: AbortSignal },
  ids: readonly string[],
): Promise<Known> {
  const customers = new Set(ids);
  const [journeys, perhaps, hashes] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const objects = new Set<string>();
  const asked = new Set<string>();
  /** From where on the log has to say; undefined: from its beginning. */
  let after: string | undefined = LAST;
  for (let more = [...customers]; more.length > 0; more = [...customers].filter((id) => !asked.has(id))) {
    for (const customerId of more) {
      asked.add(customerId);
      const answer = await read(parts, customerId);
      if (after !== undefined && (answer === null || answer.asOf.position < after)) {
        after = answer?.asOf.position || undefined;
      }
      const person = answer?.result;
      for (const id of person?.customers ?? []) customers.add(id);
      for (const id of person?.journeys ?? []) journeys.add(id);
      for (const name of person?.objects ?? []) objects.add(name);
      for (const { hash } of person?.keys ?? []) hashes.add(hash);
    }
    await follow(parts.log, after, { customers, journeys: perhaps, objects });
  }
  return { customers, journeys, perhaps, objects, hashes };
}

/** After every position. */
const LAST = '~';

async function read(
  { reads, signal }: { readonly reads: Reads; readonly signal: AbortSignal },
  customerId: string,
): Promise<ReadAnswer<Person | null> | null> {
  try {
    return await reads.run(personQuery, { customerId }, { timeoutMs: PATIENCE_MS, signal });
  } catch {
    return null;
  }
}

interface Theirs {
  readonly customers: Set<string>;
  readonly journeys: Set<string>;
  readonly objects: Set<string>;
}

const TYPES = [
  'CustomersMerged',
  'JourneyOpened',
  'TouchpointRecorded',
  'TouchpointCorrected',
  'ObjectFactRecorded',
  'ObjectFactCorrected',
  'ObjectChanged',
  'ObjectsLinked',
];

/** Merges, and journeys and objects of these customers, until the log says nothing new of them. */
async function follow(log: Pick<EventLog, 'readAll'>, after: string | undefined, theirs: Theirs): Promise<void> {
  for (let before = -1; before !== theirs.customers.size;) {
    before = theirs.customers.size;
    for await (const page of log.readAll({ after, types: TYPES })) for (const event of page) note(event, theirs);
  }
}

/** Where events name customers. */
interface Naming {
  readonly customerId?: string;
  readonly survivorId?: string;
  readonly audience?: { readonly customers?: readonly string[] };
  readonly customers?: readonly { readonly customerId: string }[];
}

function note({ type, stream, data }: RecordedEvent, { customers, journeys, objects }: Theirs): void {
  const { customerId, survivorId, audience, customers: linked = [] } = data as Naming;
  if (type === 'CustomersMerged') {
    const both = [stream.slice('customer-'.length), survivorId!];
    if (both.some((id) => customers.has(id))) for (const id of both) customers.add(id);
    return;
  }
  const named = [customerId, ...(audience?.customers ?? []), ...linked.map((link) => link.customerId)];
  if (!named.some((id) => id !== undefined && customers.has(id))) return;
  if (stream.startsWith('object-')) objects.add(stream.slice('object-'.length));
  else journeys.add(stream.slice('journey-'.length));
}
