import { given } from '@touchstone/eventing/testing';
import {
  AddNote,
  AssignOwner,
  CloseJourney,
  CorrectTouchpoint,
  HandOverJourney,
  journeyDecider,
  OpenJourney,
  PauseJourney,
  RecordTouchpoint,
  ReopenJourney,
  ResumeJourney,
  VoidTouchpoint,
} from './journey.js';
import {
  JourneyClosed,
  JourneyHandedOver,
  JourneyOpened,
  JourneyPaused,
  JourneyReopened,
  JourneyResumed,
  NoteAdded,
  OwnerAssigned,
  TouchpointCorrected,
  TouchpointRecorded,
  TouchpointVoided,
  type TouchpointContent,
} from './journey.events.js';
import { isClosed } from './journey-state.js';

const now = '2024-05-01T08:00:00.000Z';
const journeyId = '0190a1b2-0000-7000-8000-000000000001';
const customerId = '0190a1b2-0000-7000-8000-000000000002';
const touchpointId = '0190a1b2-0000-7000-8000-00000000000a';
const other = '0190a1b2-0000-7000-8000-00000000000b';

const content = (closes = false, more: Partial<TouchpointContent> = {}): TouchpointContent => ({
  kind: closes ? 'supply.restored' : 'contact.call-received',
  kindVersion: 1,
  traits: { closes, contact: !closes, customerVisible: true },
  ...more,
});
const opened = JourneyOpened({ journeyType: 'fault-repair' });
const call = TouchpointRecorded(content(), { id: touchpointId, occurredAt: '2024-05-01T07:00:00+00:00' });
const restored = TouchpointRecorded(content(true), { id: other, occurredAt: '2024-05-01T07:30:00+00:00' });
const past = (...events: Parameters<typeof given>[1]) => given(journeyDecider, [opened, ...events]);

describe('recording a touchpoint', () => {
  const record = { journeyId, touchpointId, occurredAt: '2024-05-01T07:00:00+00:00', content: content() };
  const about = { id: touchpointId, occurredAt: record.occurredAt, source: undefined, subject: `journey:${journeyId}` };

  it('opens the journey with the first fact', () => {
    given(journeyDecider, [])
      .when(new RecordTouchpoint({ ...record, open: { journeyType: 'fault-repair', customerId } }))
      .then(
        JourneyOpened(
          { journeyType: 'fault-repair', customerId },
          { occurredAt: record.occurredAt, source: undefined },
        ),
        TouchpointRecorded(content(), about),
      );
  });

  it('is refused for a journey that does not exist, when nothing says how to open one', () =>
    given(journeyDecider, []).when(new RecordTouchpoint(record)).thenRefused('JOURNEY_UNKNOWN'));

  it('a repeat decides nothing, even after a correction and a void', () => {
    past(call).when(new RecordTouchpoint(record)).thenNothing();
    past(call, TouchpointVoided({ touchpointId, reason: 'twice' }))
      .when(new RecordTouchpoint(record))
      .thenNothing();
  });

  it('is a fact: recorded though the journey is closed', () =>
    past(restored).when(new RecordTouchpoint(record)).then(TouchpointRecorded(content(), about)));

  it('seals personal fields with the key of the customer whom it names, else of the journey', () => {
    const known = JourneyOpened({ journeyType: 'fault-repair', customerId });
    const personal = { caller: 'A' };
    given(journeyDecider, [known])
      .when(new RecordTouchpoint({ ...record, content: content(false, { personal }) }))
      .then(TouchpointRecorded(content(false, { personal }), about));
    const named = content(false, { personal, customerId });
    given(journeyDecider, [known])
      .when(new RecordTouchpoint({ ...record, content: named }))
      .then(TouchpointRecorded(named, { ...about, subject: `customer:${customerId}` }));
  });
});

describe('correcting and voiding', () => {
  const correct = {
    journeyId,
    touchpointId,
    reason: 'wrong time',
    happenedAt: '2024-05-01T06:00:00+00:00',
    content: content(),
  };

  it('counts versions', () => {
    const second = TouchpointCorrected({ ...content(), touchpointId, version: 2, happenedAt: now, reason: 'r' });
    past(call, second)
      .when(new CorrectTouchpoint(correct))
      .then(
        TouchpointCorrected(
          { ...content(), touchpointId, version: 3, happenedAt: correct.happenedAt, reason: 'wrong time' },
          { subject: `journey:${journeyId}` },
        ),
      );
  });

  it('keeps the place that the source gave', () => {
    const sourced = TouchpointRecorded(content(), {
      id: touchpointId,
      occurredAt: now,
      source: { system: 's', sequence: 4 },
    });
    past(sourced)
      .when(new CorrectTouchpoint(correct))
      .then(
        TouchpointCorrected(
          { ...content(), touchpointId, version: 2, happenedAt: correct.happenedAt, sequence: 4, reason: 'wrong time' },
          { subject: `journey:${journeyId}` },
        ),
      );
  });

  it('seals with the key of the customer whom the touchpoint names', () => {
    const named = content(false, { customerId });
    const { happenedAt, reason } = correct;
    past(call)
      .when(new CorrectTouchpoint({ ...correct, content: named }))
      .then(
        TouchpointCorrected(
          { ...named, touchpointId, version: 2, happenedAt, reason },
          { subject: `customer:${customerId}` },
        ),
      );
  });

  it('what says the same as before decides nothing', () =>
    past(call)
      .when(new CorrectTouchpoint({ ...correct, sameAsBefore: true }))
      .thenNothing());
  it('is refused for a touchpoint that is not there', () =>
    past().when(new CorrectTouchpoint(correct)).thenRefused('TOUCHPOINT_UNKNOWN'));
  it('is refused for one that was voided', () =>
    past(call, TouchpointVoided({ touchpointId, reason: 'r' }))
      .when(new CorrectTouchpoint(correct))
      .thenRefused('TOUCHPOINT_VOID'));
  it('voids once', () => {
    past(call)
      .when(new VoidTouchpoint({ journeyId, touchpointId, reason: 'r' }))
      .then(TouchpointVoided({ touchpointId, reason: 'r' }));
    past(call, TouchpointVoided({ touchpointId, reason: 'r' }))
      .when(new VoidTouchpoint({ journeyId, touchpointId, reason: 'r' }))
      .thenNothing();
  });
});

describe('closed or open follows from the last entry in the order of the journey', () => {
  const closed = (...events: Parameters<typeof given>[1]) => isClosed(past(...events).state);

  it('a closing touchpoint closes, a later other one reopens', () => {
    expect(closed(call)).toBe(false);
    expect(closed(call, restored)).toBe(true);
    const again = TouchpointRecorded(content(), { id: journeyId, occurredAt: '2024-05-01T07:31:00+00:00' });
    expect(closed(call, restored, again)).toBe(false);
  });
  it('a late report of something earlier does not reopen', () => expect(closed(restored, call)).toBe(true));
  it('at the same instant the place given by the source decides', () => {
    const at = '2024-05-01T07:00:00+00:00';
    const first = TouchpointRecorded(content(true), {
      id: touchpointId,
      occurredAt: at,
      source: { system: 's', sequence: 0 },
    });
    const second = TouchpointRecorded(content(false), {
      id: other,
      occurredAt: at,
      source: { system: 's', sequence: 1 },
    });
    expect(closed(second, first)).toBe(false);
    expect(closed(first, second)).toBe(false);
  });
  it('a void and a correction count', () => {
    expect(closed(call, restored, TouchpointVoided({ touchpointId: other, reason: 'r' }))).toBe(false);
    const earlier = {
      ...content(true),
      touchpointId: other,
      version: 2,
      happenedAt: '2024-05-01T06:00:00+00:00',
      reason: 'r',
    };
    expect(closed(call, restored, TouchpointCorrected(earlier))).toBe(false);
  });
  it("a person's decision comes after what was lived at the same instant", () => {
    const at = '2024-05-01T07:00:00+00:00';
    const sourced = TouchpointRecorded(content(), {
      id: touchpointId,
      occurredAt: at,
      source: { system: 's', sequence: 9 },
    });
    const close = JourneyClosed({ reason: 'r' }, { occurredAt: at, id: journeyId });
    expect(closed(sourced, close)).toBe(true);
    past(sourced, close)
      .when(new CloseJourney({ journeyId, reason: 'r', occurredAt: at }))
      .thenNothing();
  });
  it("a person's decision closes and reopens", () => {
    const close = JourneyClosed({ reason: 'r' }, { occurredAt: '2024-05-01T07:40:00+00:00' });
    const reopen = JourneyReopened({ reason: 'r' }, { occurredAt: '2024-05-01T07:50:00+00:00' });
    expect(closed(call, close)).toBe(true);
    expect(closed(call, close, reopen)).toBe(false);
  });
});

describe('commands of a person', () => {
  const owner = OwnerAssigned({ unit: 'hotline' }, { occurredAt: now });

  it('open once', () => {
    given(journeyDecider, [])
      .when(new OpenJourney({ journeyId, journeyType: 'fault-repair' }))
      .then(JourneyOpened({ journeyType: 'fault-repair' }, { occurredAt: undefined }));
    past()
      .when(new OpenJourney({ journeyId, journeyType: 'fault-repair' }))
      .thenNothing();
  });
  it('close and reopen once', () => {
    past(call)
      .when(new CloseJourney({ journeyId, reason: 'r' }))
      .then(JourneyClosed({ reason: 'r' }, { occurredAt: now }));
    past(restored)
      .when(new CloseJourney({ journeyId, reason: 'r' }))
      .thenNothing();
    past(restored)
      .when(new ReopenJourney({ journeyId, reason: 'r' }))
      .then(JourneyReopened({ reason: 'r' }, { occurredAt: now }));
    past(call)
      .when(new ReopenJourney({ journeyId, reason: 'r' }))
      .thenNothing();
  });
  it('are refused where they would decide nothing', () => {
    const tooEarly = '2024-05-01T06:00:00+00:00';
    past(call)
      .when(new CloseJourney({ journeyId, reason: 'r', occurredAt: tooEarly }))
      .thenRefused('NOT_LAST');
    past(restored)
      .when(new ReopenJourney({ journeyId, reason: 'r', occurredAt: tooEarly }))
      .thenRefused('NOT_LAST');
    past(restored)
      .when(new PauseJourney({ journeyId, reason: 'r' }))
      .thenRefused('JOURNEY_CLOSED');
  });
  it('pause and resume once', () => {
    const paused = JourneyPaused({ reason: 'waiting' }, { occurredAt: '2024-05-01T07:00:00Z' });
    const early = '2024-05-01T06:30:00Z';
    past(paused)
      .when(new ResumeJourney({ journeyId, occurredAt: early }))
      .thenRefused('NOT_LAST');
    past()
      .when(new PauseJourney({ journeyId, reason: 'waiting' }))
      .then(JourneyPaused({ reason: 'waiting' }, { occurredAt: now }));
    past(paused)
      .when(new PauseJourney({ journeyId, reason: 'waiting' }))
      .thenNothing();
    past(paused)
      .when(new ResumeJourney({ journeyId }))
      .then(JourneyResumed({}, { occurredAt: now }));
    past().when(new ResumeJourney({ journeyId })).thenNothing();
  });
  it('assign and hand over', () => {
    past()
      .when(new AssignOwner({ journeyId, unit: 'hotline' }))
      .then(owner);
    past(owner)
      .when(new AssignOwner({ journeyId, unit: 'hotline' }))
      .thenNothing();
    past().when(new AssignOwner({ journeyId })).thenRefused('OWNER_MISSING');
    past(owner)
      .when(new HandOverJourney({ journeyId, to: { unit: 'crew' }, note: 'behind the shop', customerTold: false }))
      .then(
        JourneyHandedOver(
          { from: { unit: 'hotline' }, to: { unit: 'crew' }, note: 'behind the shop', customerTold: false },
          { subject: `journey:${journeyId}`, occurredAt: now },
        ),
      );
    for (const note of [undefined, '', ' \n ']) {
      past(owner)
        .when(new HandOverJourney({ journeyId, to: { unit: 'crew' }, note, customerTold: true }))
        .then(
          JourneyHandedOver(
            { from: { unit: 'hotline' }, to: { unit: 'crew' }, customerTold: true },
            { subject: `journey:${journeyId}`, occurredAt: now },
          ),
        );
    }
    past(owner)
      .when(new HandOverJourney({ journeyId, to: { unit: 'hotline' }, customerTold: false }))
      .thenNothing();
    past()
      .when(new HandOverJourney({ journeyId, to: { unit: 'crew' }, customerTold: false }))
      .thenRefused('OWNER_UNKNOWN');
  });
  it('change the owner in the order in which it happened', () => {
    const before = '2024-05-01T07:30:00+00:00';
    past()
      .when(new AssignOwner({ journeyId, unit: 'hotline', occurredAt: before }))
      .then(OwnerAssigned({ unit: 'hotline' }, { occurredAt: before }));
    past(owner)
      .when(new AssignOwner({ journeyId, unit: 'crew', occurredAt: before }))
      .thenRefused('NOT_LAST');
    past(owner)
      .when(new HandOverJourney({ journeyId, to: { unit: 'crew' }, customerTold: true, occurredAt: before }))
      .thenRefused('NOT_LAST');
    // As another process may have recorded it: what came later in the journey's order stays.
    past(owner, OwnerAssigned({ unit: 'crew' }, { occurredAt: before }))
      .when(new AssignOwner({ journeyId, unit: 'hotline' }))
      .thenNothing();
  });
  it("are sealed with the journey's key, whoever its customer turns out to be", () => {
    const subject = `journey:${journeyId}`;
    const said = (id: string, occurredAt: string, of: string) =>
      TouchpointRecorded(content(false, { customerId: of }), { id, occurredAt });
    // The later one is told first: who reads the journey sees the customer of the earlier one.
    const told = past(
      said(touchpointId, '2024-05-01T07:00:00Z', customerId),
      said(other, '2024-05-01T06:00:00Z', '0190a1b2-0000-7000-8000-000000000003'),
      owner,
    );
    told.when(new AddNote({ journeyId, text: 't' })).then(NoteAdded({ text: 't' }, { subject }));
    told
      .when(new HandOverJourney({ journeyId, to: { unit: 'crew' }, note: 'n', customerTold: true }))
      .then(
        JourneyHandedOver(
          { from: { unit: 'hotline' }, to: { unit: 'crew' }, note: 'n', customerTold: true },
          { subject, occurredAt: now },
        ),
      );
  });
  it('note once', () => {
    const note = NoteAdded({ text: 't' }, { id: other, subject: `journey:${journeyId}` });
    past()
      .when(new AddNote({ journeyId, noteId: other, text: 't' }))
      .then(note);
    past(note)
      .when(new AddNote({ journeyId, noteId: other, text: 't' }))
      .thenNothing();
  });
  it.each([
    new CloseJourney({ journeyId, reason: 'r' }),
    new ReopenJourney({ journeyId, reason: 'r' }),
    new PauseJourney({ journeyId, reason: 'r' }),
    new ResumeJourney({ journeyId }),
    new AssignOwner({ journeyId, unit: 'u' }),
    new HandOverJourney({ journeyId, to: { unit: 'u' }, customerTold: true }),
    new AddNote({ journeyId, text: 't' }),
    new VoidTouchpoint({ journeyId, touchpointId, reason: 'r' }),
  ])('are refused for a journey that does not exist: %#', (command) =>
    given(journeyDecider, []).when(command).thenRefused('JOURNEY_UNKNOWN'),
  );
});
