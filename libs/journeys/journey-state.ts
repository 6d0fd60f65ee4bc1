/** What a journey knows of itself when something is to be decided, and how events make it so. */
import { byInstant, instantMs, refuse } from '@touchstone/eventing/pure';
import { customerSubject } from './customer.js';
import { DECISION_SEQUENCE, journeySubject, type JourneyEvent } from './journey.events.js';
import { noObservations, observed, type Observations } from './observations-state.js';

/** What stands in the journey's order and turns something on or off: closes it or not, pauses it or not. */
export interface Mark {
  readonly id: string;
  readonly at: number;
  readonly sequence?: number;
  readonly on: boolean;
}

export interface Party {
  readonly unit?: string;
  readonly staff?: string;
}

export interface Touchpoint {
  readonly version: number;
  readonly mark: Mark;
  /** As it was given, with its offset. */
  readonly occurredAt: string;
}

export interface Journey {
  status: 'none' | 'open';
  journeyType?: string;
  customerId?: string;
  /** By touchpoint id; null: voided. A repeat is known by it, on any log. */
  touchpoints: Map<string, Touchpoint | null>;
  /** A person's closings and reopenings. */
  decisions: Mark[];
  /** Pauses and resumptions. */
  pauses: Mark[];
  notes: Set<string>;
  /** Absent until somebody observes something: most journeys of a load never have any. */
  observations?: Observations;
  owner?: Party;
  /** The last change of owner in the journey's order. */
  owned?: Mark;
  /** The survivor that this journey was merged into. */
  mergedInto?: string;
  /** A person took it out of a merge: no rule merges it again. */
  keptApart?: boolean;
  /** Touchpoints that were split away, and to which journey. */
  movedTo?: Map<string, string>;
  /** Journeys that were said to be part of this one; each has to say so itself, still. */
  absorbed?: Set<string>;
  /** Touchpoints that were split away to this journey, and from which. */
  received?: Map<string, string>;
}

export const initial = (): Journey => ({
  status: 'none',
  touchpoints: new Map(),
  decisions: [],
  pauses: [],
  notes: new Set(),
});

export function evolve(journey: Journey, e: JourneyEvent): Journey {
  switch (e.type) {
    case 'JourneyOpened':
      journey.journeyType ??= e.data.journeyType;
      journey.customerId ??= e.data.customerId;
      journey.status = 'open';
      return journey;
    case 'TouchpointRecorded':
      if (!journey.touchpoints.has(e.id)) {
        const { closes } = e.data.traits;
        const mark = { id: e.id, at: instantMs(e.occurredAt), sequence: e.source?.sequence, on: closes };
        journey.touchpoints.set(e.id, { version: 1, mark, occurredAt: e.occurredAt });
        journey.customerId ??= e.data.customerId;
      }
      return journey;
    case 'TouchpointCorrected': {
      const { touchpointId: id, version, happenedAt, sequence, traits } = e.data;
      journey.touchpoints.set(id, {
        version,
        mark: { id, at: instantMs(happenedAt), sequence, on: traits.closes },
        occurredAt: happenedAt,
      });
      return journey;
    }
    case 'TouchpointVoided':
      journey.touchpoints.set(e.data.touchpointId, null);
      return journey;
    case 'OwnerAssigned':
      return ownedBy(journey, { unit: e.data.unit, staff: e.data.staff }, e);
    case 'JourneyHandedOver':
      return ownedBy(journey, e.data.to, e);
    case 'JourneyPaused':
    case 'JourneyResumed':
      journey.pauses.push(decision(e, e.type === 'JourneyPaused'));
      return journey;
    case 'JourneyClosed':
    case 'JourneyReopened':
      journey.decisions.push(decision(e, e.type === 'JourneyClosed'));
      return journey;
    case 'NoteAdded':
      journey.notes.add(e.id);
      return journey;
    case 'JourneysMerged':
    case 'JourneysUnmerged':
    case 'JourneySplit':
    case 'JourneyPartAdded':
      return linked(journey, e);
    default:
      journey.observations = observed(journey.observations ?? noObservations(), e);
      return journey;
  }
}

type Linking = Extract<
  JourneyEvent,
  { type: 'JourneysMerged' | 'JourneysUnmerged' | 'JourneySplit' | 'JourneyPartAdded' }
>;

function linked(journey: Journey, e: Linking): Journey {
  switch (e.type) {
    case 'JourneysMerged':
      journey.mergedInto = e.data.survivorId;
      if (!e.data.rule) journey.keptApart = false;
      return journey;
    case 'JourneysUnmerged':
      journey.mergedInto = undefined;
      journey.keptApart = true;
      return journey;
    case 'JourneySplit':
      journey.movedTo ??= new Map();
      for (const id of e.data.touchpointIds) journey.movedTo.set(id, e.data.newJourneyId);
      return journey;
    case 'JourneyPartAdded': {
      const { journeyId, touchpointIds } = e.data;
      if (!touchpointIds) (journey.absorbed ??= new Set()).add(journeyId);
      else {
        journey.received ??= new Map();
        for (const id of touchpointIds) journey.received.set(id, journeyId);
      }
      return journey;
    }
  }
}

function ownedBy(journey: Journey, owner: Party, e: { id: string; occurredAt: string }): Journey {
  const mark = decision(e, true);
  if (journey.owned && byInstant(journey.owned, mark) > 0) return journey;
  journey.owner = owner;
  journey.owned = mark;
  return journey;
}

const decision = (e: { id: string; occurredAt: string }, on: boolean): Mark => ({
  id: e.id,
  at: instantMs(e.occurredAt),
  sequence: DECISION_SEQUENCE,
  on,
});

/** Closed when the last in the journey's order, touchpoint or person's decision, closes it. */
export const isClosed = (journey: Journey): boolean => lastEnd(journey)?.on ?? false;

/** Paused when the last pause or resumption in the journey's order is a pause. */
export const isPaused = (journey: Journey): boolean => last(journey.pauses)?.on ?? false;

export function last(marks: Iterable<Mark>): Mark | undefined {
  let found: Mark | undefined;
  for (const mark of marks) if (!found || byInstant(found, mark) < 0) found = mark;
  return found;
}

export function lastEnd(journey: Journey): Mark | undefined {
  const touchpoints = [...journey.touchpoints.values()].flatMap((touchpoint) => (touchpoint ? [touchpoint.mark] : []));
  return last([...touchpoints, ...journey.decisions]);
}

export const unknown = (id: string): never => refuse('JOURNEY_UNKNOWN', `There is no journey ${id}; open it first.`);

export function mustExist(journey: Journey, id: string): void {
  if (journey.status === 'none') unknown(id);
}

/** The touchpoint as it holds. @throws TOUCHPOINT_UNKNOWN, TOUCHPOINT_VOID */
export function existing(journey: Journey, journeyId: string, touchpointId: string): Touchpoint {
  mustExist(journey, journeyId);
  const known = journey.touchpoints.get(touchpointId);
  if (known === undefined)
    return refuse('TOUCHPOINT_UNKNOWN', `The journey ${journeyId} has no touchpoint ${touchpointId}.`);
  if (known === null) return refuse('TOUCHPOINT_VOID', `The touchpoint ${touchpointId} was voided; record it anew.`);
  return known;
}

/**
 * Whose key seals a touchpoint: that of the customer whom it names itself, else of the journey. Whose the journey is may
 * turn out later; when they are forgotten, the keys of all journeys that ever were theirs go too.
 */
export const subject = (journeyId: string, customerId: string | undefined) =>
  customerId === undefined ? journeySubject(journeyId) : customerSubject(customerId);
