/** Journeys: their state, their timeline and their columns, each in every version that was ever known. */
import { instantMs, type RecordedEvent } from '@touchstone/eventing/pure';
import type { IdOf, Name, Projection } from '@touchstone/readmodel/projection';
import { Flag, Form, NO_ID, NO_SCORE, ObserverCode, type Entry, type FormCode } from './journey-blob.js';
import { DECISION_SEQUENCE, type JourneyEvent, type Observer } from './journey.events.js';
import { JourneyUnit, type EntryDetail } from './journey-unit.js';
import { factPlace, journeyBlob, journeyState, observation, timelineEntry } from './journeys.tables.js';

type Recorded = RecordedEvent & Exclude<JourneyEvent, { type: 'JourneysMerged' | 'JourneysUnmerged' | 'JourneySplit' }>;

const PREFIX = 'journey-';

/** The kind by which a customer says that the matter is resolved. */
const CONFIRMATION = 'contact.resolution-confirmed';

export const journeysProjection: Projection<JourneyUnit> = {
  name: 'journeys',
  version: 3,
  tables: [journeyState, timelineEntry, observation, journeyBlob, factPlace],
  handles: [
    'JourneyOpened',
    'TouchpointRecorded',
    'TouchpointCorrected',
    'TouchpointVoided',
    'OwnerAssigned',
    'JourneyHandedOver',
    'JourneyPaused',
    'JourneyResumed',
    'JourneyClosed',
    'JourneyReopened',
    'NoteAdded',
    'MomentObserved',
    'MomentRetracted',
    'TouchpointReviewed',
    'ExpectationRecorded',
    'ExpectationGuided',
    'ExperienceRated',
  ],
  unit: (event): Name | null =>
    event.stream.startsWith(PREFIX) ? ['journey', event.stream.slice(PREFIX.length)] : null,
  names: (event) => namesOf(event as Recorded),
  loads: [
    { table: 'journey_state', by: 'journey' },
    { table: 'journey_blob', by: 'journey' },
  ],
  restore: (id, _name, [states, blobs]) => new JourneyUnit(id, states ?? [], blobs ?? []),
  apply: (unit, event, idOf) => {
    fold(unit, event as Recorded, idOf);
    unit.settle(event.position);
  },
  changes: (unit) => unit.changes(),
  newest: (unit) => unit.newest(),
};

function namesOf(event: Recorded): Name[] {
  switch (event.type) {
    case 'JourneyOpened':
      return some(['journeyType', event.data.journeyType], ['customer', event.data.customerId]);
    case 'TouchpointRecorded':
    case 'TouchpointCorrected': {
      const { kind, channel, unit, staff, customerId, traits } = event.data;
      return some(
        ['kind', kind],
        ['channel', channel],
        ['unit', unit],
        ['staff', staff],
        ['customer', customerId],
        ['stage', traits.stage],
        ['source', event.metadata.source?.system],
      );
    }
    case 'OwnerAssigned':
      return some(['unit', event.data.unit], ['staff', event.data.staff]);
    case 'JourneyHandedOver':
      return some(['unit', event.data.to.unit], ['staff', event.data.to.staff]);
    case 'MomentObserved':
      return [['moment', event.data.code]];
    case 'ExpectationRecorded':
    case 'ExpectationGuided':
      return [['aspect', event.data.aspect]];
    case 'ExperienceRated':
      return some(['label', event.data.label]);
    default:
      return [];
  }
}

const some = (...names: readonly (readonly [string, string | undefined])[]): Name[] =>
  names.filter((name): name is [string, string] => name[1] !== undefined);

function fold(unit: JourneyUnit, event: Recorded, idOf: IdOf): void {
  const id = (dictionary: string, value: string | undefined) => (value === undefined ? 0 : idOf(dictionary, value));
  switch (event.type) {
    case 'JourneyOpened': {
      const { journeyType, customerId, key } = event.data;
      unit.open({
        type: id('journeyType', journeyType),
        customer: id('customer', customerId),
        key: key ?? null,
        at: instantMs(event.occurredAt),
      });
      return;
    }
    case 'TouchpointRecorded':
    case 'TouchpointCorrected': {
      const { data } = event;
      const corrected = event.type === 'TouchpointCorrected' ? event.data : null;
      const occurredAt = corrected?.happenedAt ?? event.occurredAt;
      const recorded = event.metadata.historical ? NaN : Date.parse(event.recordedAt);
      const first = corrected ? unit.first(corrected.touchpointId) : undefined;
      const entry: Entry = {
        form: Form.touchpoint,
        id: corrected?.touchpointId ?? event.id,
        version: corrected?.version ?? 1,
        at: instantMs(occurredAt),
        sequence: (corrected ? corrected.sequence : event.metadata.source?.sequence) ?? -1,
        kind: id('kind', data.kind),
        channel: id('channel', data.channel),
        unit: id('unit', data.unit),
        staff: id('staff', data.staff),
        customer: id('customer', data.customerId),
        flags: flagsOf(data),
        stage: id('stage', data.traits.stage),
        source: first ? first.source : id('source', event.metadata.source?.system),
        recorded: corrected ? (first?.recorded ?? NaN) : recorded,
        score: NO_SCORE,
        observer: 0,
        ref: NO_ID,
        cause: NO_ID,
        from: event.position,
        to: '',
      };
      const { attributes, personal, objects, factId, correlation } = data as typeof data & {
        factId?: string;
        correlation?: object;
      };
      const reason = corrected?.reason;
      const body = { attributes, personal, objects, factId, correlation, reason };
      unit.put(entry, detail(event, occurredAt, body));
      if (factId !== undefined) unit.came(factId, entry.id);
      return;
    }
    case 'TouchpointVoided':
      unit.void(
        event.data.touchpointId,
        event.position,
        detail(event, event.occurredAt, { reason: event.data.reason }),
      );
      return;
    case 'OwnerAssigned':
    case 'JourneyHandedOver': {
      const to = event.type === 'OwnerAssigned' ? event.data : event.data.to;
      const flags =
        event.type === 'OwnerAssigned'
          ? 0
          : (event.data.note === undefined ? 0 : Flag.noted) | (event.data.customerTold ? Flag.customerTold : 0);
      const form = event.type === 'OwnerAssigned' ? Form.ownerAssigned : Form.handedOver;
      const entry = { ...blank(event, form), unit: id('unit', to.unit), staff: id('staff', to.staff), flags };
      unit.put(entry, detail(event, event.occurredAt, event.data));
      return;
    }
    case 'JourneyPaused':
      return plain(unit, event, Form.paused);
    case 'JourneyResumed':
      return plain(unit, event, Form.resumed);
    case 'JourneyClosed':
      return plain(unit, event, Form.closed);
    case 'JourneyReopened':
      return plain(unit, event, Form.reopened);
    case 'NoteAdded':
      return plain(unit, event, Form.note);
    case 'MomentRetracted': {
      const { momentId, reason, byRule } = event.data;
      const flags = byRule ? 0 : Flag.retractedByPerson;
      return unit.void(momentId, event.position, detail(event, event.occurredAt, { reason, byRule }), flags);
    }
    default:
      return unit.put(observationOf(event, id), detail(event, event.occurredAt, event.data));
  }
}

function flagsOf(data: Extract<Recorded, { type: 'TouchpointRecorded' | 'TouchpointCorrected' }>['data']): number {
  const { closes, contact, customerVisible, actor } = data.traits;
  return (
    (closes ? Flag.closes : 0) |
    (contact ? Flag.contact : 0) |
    (customerVisible ? Flag.customerVisible : 0) |
    (data.attributes?.['contextPassed'] === true ? Flag.contextPassed : 0) |
    (data.kind === CONFIRMATION ? Flag.confirms : 0) |
    (actor === 'system' ? Flag.bySystem : 0)
  );
}

type Observation = Extract<
  Recorded,
  { type: 'MomentObserved' | 'TouchpointReviewed' | 'ExpectationRecorded' | 'ExpectationGuided' | 'ExperienceRated' }
>;

function observationOf(event: Observation, id: (dictionary: string, value: string | undefined) => number): Entry {
  const about = (form: FormCode, observer?: Observer) => ({
    ...blank(event, form),
    ref: event.data.touchpointId,
    observer: observer === undefined ? 0 : ObserverCode[observer],
  });
  switch (event.type) {
    case 'MomentObserved': {
      const { code, polarity, intensity, observer, rule } = event.data;
      return {
        ...about(Form.moment, observer),
        kind: id('moment', code),
        score: polarity === 'negative' ? -intensity : intensity,
        cause: rule?.cause ?? NO_ID,
      };
    }
    case 'TouchpointReviewed':
      return about(Form.reviewed, event.data.observer);
    case 'ExpectationRecorded':
      return { ...about(Form.expectation, event.data.observer), kind: id('aspect', event.data.aspect) };
    case 'ExpectationGuided':
      return { ...about(Form.guided), kind: id('aspect', event.data.aspect) };
    case 'ExperienceRated': {
      const { label, gap, observer } = event.data;
      return { ...about(Form.experience, observer), kind: id('label', label), score: gap ?? NO_SCORE };
    }
  }
}

function plain(unit: JourneyUnit, event: Recorded, form: FormCode): void {
  unit.put(blank(event, form), detail(event, event.occurredAt, event.data));
}

function blank(event: Recorded, form: FormCode): Entry {
  return {
    form,
    id: event.id,
    version: 1,
    at: instantMs(event.occurredAt),
    sequence: form === Form.touchpoint ? -1 : DECISION_SEQUENCE,
    kind: 0,
    channel: 0,
    unit: 0,
    staff: 0,
    customer: 0,
    flags: 0,
    stage: 0,
    source: 0,
    recorded: NaN,
    score: NO_SCORE,
    observer: 0,
    ref: NO_ID,
    cause: NO_ID,
    from: event.position,
    to: '',
  };
}

function detail(event: Recorded, occurredAt: string, body: object): EntryDetail {
  const { actor, source, subject, causationId, policyVersion = '' } = event.metadata;
  return {
    occurredAt,
    eventId: event.id,
    revision: event.revision,
    recordedAt: event.recordedAt,
    rule: policyVersion,
    body: JSON.stringify({ ...body, actor, source, subject, ...(policyVersion !== '' && { causationId }) }),
  };
}
