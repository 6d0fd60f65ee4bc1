/** The record of a forgetting: written when everything was done, so what has none is still to be finished. */
import { command, decider, event, t, type Decide, type EventOf } from '@touchstone/eventing/pure';

export const forgettingStream = (customerId: string) => `forgetting-${customerId}`;

const count = () => t.integer({ minimum: 0 });
/** Ids in one event; more are told in further ones. */
const IDS_AT_ONCE = 10_000;
/** Names of objects in one event: they are longer. */
const OBJECTS_AT_ONCE = 500;

export const ForgettingCompleted = event(
  'ForgettingCompleted',
  t.object({
    /** 0-based: a long list of journeys or objects goes on in further parts. What is counted stands in each the same. */
    part: count(),
    /** Everybody who was this person. */
    customers: t.array(t.uuid(), { maxItems: IDS_AT_ONCE }),
    /** All journeys that ever were theirs. With these and the customers a restore is made good without any read model. */
    journeys: t.array(t.uuid(), { maxItems: IDS_AT_ONCE }),
    /** All objects on which something personal may be about them that names nobody. */
    objects: t.array(t.id(), { maxItems: OBJECTS_AT_ONCE }),
    keysDestroyed: count(),
    keysReleased: count(),
    quarantineRemoved: count(),
    importsRemoved: count(),
  }),
  { version: 2, upcasters: { 1: (before: object) => ({ ...before, objects: [] }) } },
);
export type ForgettingEvent = EventOf<typeof ForgettingCompleted>;

/** What was done, whenever it is asked again. */
export class CompleteForgetting extends command<{
  /** The customer by whom it was asked for. */
  customerId: string;
  customers: readonly string[];
  journeys: readonly string[];
  /** Names of objects, see `objectName`. */
  objects: readonly string[];
  keysDestroyed: number;
  keysReleased: number;
  quarantineRemoved: number;
  importsRemoved: number;
}>() {}

/** Each time anew: after a restore there is again something to be destroyed. */
export const completeForgetting: Decide<CompleteForgetting, null> = ({ customerId: _asked, ...done }) => {
  const { journeys, objects } = done;
  const parts = Math.max(1, Math.ceil(journeys.length / IDS_AT_ONCE), Math.ceil(objects.length / OBJECTS_AT_ONCE));
  return Array.from({ length: parts }, (_, part) =>
    ForgettingCompleted({
      ...done,
      part,
      customers: [...done.customers],
      journeys: journeys.slice(part * IDS_AT_ONCE, (part + 1) * IDS_AT_ONCE),
      objects: objects.slice(part * OBJECTS_AT_ONCE, (part + 1) * OBJECTS_AT_ONCE),
    }),
  );
};

export const forgettingDecider = decider<null, ForgettingEvent>(
  { name: 'forgetting', stream: forgettingStream, initial: () => null, evolve: () => null },
  (on) => [on(CompleteForgetting, (c) => c.customerId, completeForgetting)],
);
