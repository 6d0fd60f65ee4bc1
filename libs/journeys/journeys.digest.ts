/** What the events of journeys say, taken down in one order and folded in the same. */
import { instantMs, type RecordedEvent } from '@touchstone/eventing/pure';
import type { DigestReader, DigestWriter, EventMark } from '@touchstone/readmodel/projection';
import { Flag, Form, isObservation, NO_ID, NO_SCORE, ObserverCode, type Entry, type FormCode } from './journey-blob.js';
import { DECISION_SEQUENCE, type JourneyEvent, type Observer } from './journey.events.js';
import type { EntryDetail, JourneyUnit } from './journey-unit.js';

type Recorded = RecordedEvent &
  Exclude<JourneyEvent, { type: 'JourneysMerged' | 'JourneysUnmerged' | 'JourneySplit' | 'JourneyPartAdded' }>;
type Touchpoint = Extract<Recorded, { type: 'TouchpointRecorded' | 'TouchpointCorrected' }>;
type Observation = Extract<
  Recorded,
  { type: 'MomentObserved' | 'TouchpointReviewed' | 'ExpectationRecorded' | 'ExpectationGuided' | 'ExperienceRated' }
>;

/** The kind by which a customer says that the matter is resolved. */
const CONFIRMATION = 'contact.resolution-confirmed';

/** What an event does to its journey. */
const Act = { open: 0, put: 1, void: 2 } as const;

export function writeJourneyEvent(recorded: RecordedEvent, to: DigestWriter): void {
  const event = recorded as Recorded;
  switch (event.type) {
    case 'JourneyOpened': {
      const { journeyType, customerId, key } = event.data;
      to.number(Act.open);
      to.name('journeyType', journeyType);
      to.name('customer', customerId);
      to.number(instantMs(event.occurredAt));
      return to.text(key ?? '');
    }
    case 'TouchpointRecorded':
    case 'TouchpointCorrected':
      return touchpoint(event, to);
    case 'TouchpointVoided':
      return ended(event, event.data.touchpointId, 0, { reason: event.data.reason }, to);
    case 'MomentRetracted': {
      const { momentId, reason, byRule } = event.data;
      return ended(event, momentId, byRule ? 0 : Flag.retractedByPerson, { reason, byRule }, to);
    }
    case 'OwnerAssigned':
    case 'JourneyHandedOver':
      return owner(event, to);
    case 'JourneyPaused':
      return plain(event, Form.paused, to);
    case 'JourneyResumed':
      return plain(event, Form.resumed, to);
    case 'JourneyClosed':
      return plain(event, Form.closed, to);
    case 'JourneyReopened':
      return plain(event, Form.reopened, to);
    case 'NoteAdded':
      return plain(event, Form.note, to);
    default:
      return observation(event, to);
  }
}

/** What every entry has; an id of '' is that of the event. */
function entry(form: FormCode, id: string, version: number, occurredAt: string, sequence: number, to: DigestWriter) {
  to.number(Act.put);
  to.number(form);
  to.text(id);
  to.number(version);
  to.number(instantMs(occurredAt));
  to.number(sequence);
}

function touchpoint(event: Touchpoint, to: DigestWriter): void {
  const { data, metadata } = event;
  const corrected = event.type === 'TouchpointCorrected' ? event.data : null;
  const occurredAt = corrected?.happenedAt ?? event.occurredAt;
  const sequence = (corrected ? corrected.sequence : metadata.source?.sequence) ?? -1;
  entry(Form.touchpoint, corrected?.touchpointId ?? '', corrected?.version ?? 1, occurredAt, sequence, to);
  to.number(flagsOf(data));
  to.name('kind', data.kind);
  to.name('channel', data.channel);
  to.name('unit', data.unit);
  to.name('staff', data.staff);
  to.name('customer', data.customerId);
  to.name('stage', data.traits.stage);
  to.name('source', metadata.source?.system);
  to.number(metadata.historical ? NaN : Date.parse(event.recordedAt));
  const { attributes, personal, objects, factId, correlation } = data as typeof data & {
    factId?: string;
    correlation?: object;
  };
  to.text(factId ?? '');
  detail(event, occurredAt, { attributes, personal, objects, factId, correlation, reason: corrected?.reason }, to);
}

function flagsOf(data: Touchpoint['data']): number {
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

function owner(event: Extract<Recorded, { type: 'OwnerAssigned' | 'JourneyHandedOver' }>, to: DigestWriter): void {
  const handover = event.type === 'JourneyHandedOver' ? event.data : null;
  const { unit, staff } = event.type === 'JourneyHandedOver' ? event.data.to : event.data;
  entry(handover ? Form.handedOver : Form.ownerAssigned, '', 1, event.occurredAt, DECISION_SEQUENCE, to);
  to.number((handover?.note === undefined ? 0 : Flag.noted) | (handover?.customerTold ? Flag.customerTold : 0));
  to.name('unit', unit);
  to.name('staff', staff);
  detail(event, event.occurredAt, event.data, to);
}

function plain(event: Recorded, form: FormCode, to: DigestWriter): void {
  entry(form, '', 1, event.occurredAt, DECISION_SEQUENCE, to);
  detail(event, event.occurredAt, event.data, to);
}

function observation(event: Observation, to: DigestWriter): void {
  const about = (
    form: FormCode,
    observer: Observer | null,
    name: [dictionary: string, value?: string],
    score: number,
  ) => {
    entry(form, '', 1, event.occurredAt, DECISION_SEQUENCE, to);
    to.name(...(name as [string, string | undefined]));
    to.number(observer === null ? 0 : ObserverCode[observer]);
    to.number(score);
    to.text(event.data.touchpointId);
  };
  let cause = NO_ID;
  switch (event.type) {
    case 'MomentObserved': {
      const { code, polarity, intensity, observer, rule } = event.data;
      about(Form.moment, observer, ['moment', code], polarity === 'negative' ? -intensity : intensity);
      cause = rule?.cause ?? NO_ID;
      break;
    }
    case 'TouchpointReviewed':
      about(Form.reviewed, event.data.observer, [''], NO_SCORE);
      break;
    case 'ExpectationRecorded':
      about(Form.expectation, event.data.observer, ['aspect', event.data.aspect], NO_SCORE);
      break;
    case 'ExpectationGuided':
      about(Form.guided, null, ['aspect', event.data.aspect], NO_SCORE);
      break;
    case 'ExperienceRated': {
      const { label, gap, observer } = event.data;
      about(Form.experience, observer, ['label', label], gap ?? NO_SCORE);
    }
  }
  to.text(cause);
  detail(event, event.occurredAt, event.data, to);
}

function ended(event: Recorded, id: string, flags: number, body: object, to: DigestWriter): void {
  to.number(Act.void);
  to.text(id);
  to.number(flags);
  detail(event, event.occurredAt, body, to);
}

function detail(event: Recorded, occurredAt: string, body: object, to: DigestWriter): void {
  const { actor, source, subject, causationId, policyVersion = '' } = event.metadata;
  to.text(occurredAt);
  to.text(policyVersion);
  to.text(JSON.stringify({ ...body, actor, source, subject, ...(policyVersion !== '' && { causationId }) }));
}

export function foldJourneyEvent(unit: JourneyUnit, from: DigestReader, about: EventMark): void {
  const act = from.number();
  if (act === Act.open) {
    unit.open({
      type: from.surrogate(),
      customer: from.surrogate(),
      at: from.number(),
      key: from.text() || null,
    });
  } else if (act === Act.void) {
    const [id, flags] = [from.text(), from.number()];
    unit.void(id, about.position, readDetail(from, about), flags);
  } else {
    unit.put(readEntry(unit, from, about), readDetail(from, about));
  }
  unit.settle(about.position);
}

function readEntry(unit: JourneyUnit, from: DigestReader, { id, position }: EventMark): Entry {
  // Written out, all of it and always in one order: most of a log becomes these.
  const read: { -readonly [K in keyof Entry]: Entry[K] } = {
    form: from.number() as FormCode,
    id: from.text() || id,
    version: from.number(),
    at: from.number(),
    sequence: from.number(),
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
    from: position,
    to: '',
  };
  if (read.form === Form.touchpoint) readTouchpoint(unit, read, from);
  else if (read.form === Form.ownerAssigned || read.form === Form.handedOver) {
    read.flags = from.number();
    read.unit = from.surrogate();
    read.staff = from.surrogate();
  } else if (isObservation(read.form)) {
    read.kind = from.surrogate();
    read.observer = from.number();
    read.score = from.number();
    read.ref = from.text();
    read.cause = from.text();
  }
  return read;
}

function readTouchpoint(unit: JourneyUnit, read: { -readonly [K in keyof Entry]: Entry[K] }, from: DigestReader): void {
  read.flags = from.number();
  read.kind = from.surrogate();
  read.channel = from.surrogate();
  read.unit = from.surrogate();
  read.staff = from.surrogate();
  read.customer = from.surrogate();
  read.stage = from.surrogate();
  read.source = from.surrogate();
  read.recorded = from.number();
  const fact = from.text();
  if (fact !== '') unit.came(fact, read.id);
  if (read.version === 1) return;
  // A correction: when and by whom it was told is what its first version says.
  const first = unit.first(read.id);
  if (first) read.source = first.source;
  read.recorded = first?.recorded ?? NaN;
}

const readDetail = (from: DigestReader, { id, revision, recordedAt }: EventMark): EntryDetail => ({
  occurredAt: from.text(),
  rule: from.text(),
  body: from.text(),
  eventId: id,
  revision,
  recordedAt,
});
