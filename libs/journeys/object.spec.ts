import fc from 'fast-check';
import { given } from '@touchstone/eventing/testing';
import {
  ChangeObject,
  CorrectObjectFact,
  LinkObjects,
  objectDecider,
  RecordObjectFact,
  VoidObjectFact,
} from './object.js';
import {
  ObjectChanged,
  ObjectFactCorrected,
  ObjectFactRecorded,
  ObjectFactVoided,
  objectName,
  objectOfName,
  ObjectsLinked,
  objectStream,
  objectSubject,
} from './object.events.js';

const uuid = (n: number) => `0190a1b2-0000-7000-8000-${String(n).padStart(12, '0')}`;
const [factId, customerId, otherId] = [uuid(1), uuid(2), uuid(3)];
const object = { type: 'outage', id: 'OUT-17' };
const traits = { closes: false, contact: true, customerVisible: true };
const content = { kind: 'outage.notified', kindVersion: 1, traits, audience: { linked: 'directly' as const } };
const occurredAt = '2024-05-01T08:00:00+08:00';
const source = { system: 'scada', sequence: 4 };
const subject = 'object:outage-OUT-17';

const recorded = ObjectFactRecorded({ object, ...content }, { id: factId, occurredAt, source, subject });
const voided = ObjectFactVoided({ object, factId, reason: 'wrong feeder' });
const record = new RecordObjectFact({ object, factId, content, occurredAt, source });
const past = (...events: Parameters<typeof given>[1]) => given(objectDecider, events);

describe('a fact of an object', () => {
  it('is recorded once, also of an object that nobody knew', () => {
    past().when(record).then(recorded);
    past(recorded).when(record).thenNothing();
    past(recorded, voided).when(record).thenNothing();
  });

  it('says what is personal under the key of the customer whom it names, else under its own', () => {
    const personal = { reportedBy: 'Zhang San' };
    past()
      .when(new RecordObjectFact({ object, factId, content: { ...content, personal, customerId } }))
      .then(
        ObjectFactRecorded(
          { object, ...content, personal, customerId },
          { id: factId, subject: `customer:${customerId}` },
        ),
      );
    past()
      .when(new RecordObjectFact({ object, factId, content: { ...content, personal } }))
      .then(ObjectFactRecorded({ object, ...content, personal }, { id: factId, subject }));
  });

  it('is corrected version by version, keeping the place that its source gave it', () => {
    const happenedAt = '2024-05-01T08:05:00+08:00';
    const correct = new CorrectObjectFact({ object, factId, happenedAt, reason: 'late', content });
    const corrected = (version: number) =>
      ObjectFactCorrected(
        { object, ...content, factId, version, happenedAt, sequence: 4, reason: 'late' },
        { subject },
      );
    past(recorded).when(correct).then(corrected(2));
    past(recorded, corrected(2)).when(correct).then(corrected(3));
    past(recorded)
      .when(new CorrectObjectFact({ ...correct, sameAsBefore: true }))
      .thenNothing();
  });

  it('is voided once, and then not corrected', () => {
    const correct = new CorrectObjectFact({ object, factId, happenedAt: occurredAt, reason: 'late', content });
    const revoke = new VoidObjectFact({ object, factId, reason: 'wrong feeder' });
    past(recorded).when(revoke).then(voided);
    past(recorded, voided).when(revoke).thenNothing();
    past(recorded, voided).when(correct).thenRefused('OBJECT_FACT_VOID');
    past(recorded)
      .when(new VoidObjectFact({ object, factId: otherId, reason: 'r' }))
      .thenRefused('OBJECT_FACT_UNKNOWN');
    past().when(revoke).thenRefused('OBJECT_UNKNOWN');
    past().when(correct).thenRefused('OBJECT_UNKNOWN');
  });
});

describe('an object', () => {
  const changeId = uuid(7);

  it('changes as it is told, once per id', () => {
    const change = new ChangeObject({ object, changeId, attributes: { state: 'open' }, occurredAt });
    const changed = ObjectChanged({ object, attributes: { state: 'open' } }, { id: changeId, occurredAt, subject });
    past().when(change).then(changed);
    past(changed).when(change).thenNothing();
  });

  it('is there once it is named, with nothing to say of it', () => {
    const nothing = new ChangeObject({ object, changeId, attributes: {} });
    past()
      .when(nothing)
      .then(ObjectChanged({ object, attributes: {} }, { id: changeId, subject }));
    past(recorded).when(nothing).thenNothing();
  });

  it('keeps what is personal about a customer under their key', () => {
    const personal = { address: 'Lane 3' };
    past()
      .when(new ChangeObject({ object, changeId, attributes: {}, customerId, personal }))
      .then(
        ObjectChanged(
          { object, attributes: {}, customerId, personal },
          { id: changeId, subject: `customer:${customerId}` },
        ),
      );
  });

  it('is linked and unlinked, once per id; which came first does not matter to what is recorded', () => {
    const links = { objects: [{ type: 'feeder', id: 'F-1', conveys: true }], customers: [{ customerId }] };
    const link = new LinkObjects({ object, linkId: uuid(8), ...links, occurredAt });
    const linked = ObjectsLinked({ object, ...links }, { id: uuid(8), occurredAt });
    const end = new LinkObjects({ object, linkId: uuid(9), customers: [{ customerId }], ended: true });
    const ended = ObjectsLinked({ object, customers: [{ customerId }], ended: true }, { id: uuid(9) });
    past().when(link).then(linked);
    past(linked).when(link).thenNothing();
    past(linked).when(end).then(ended);
    past().when(end).then(ended);
    past(ended).when(link).then(linked);
    past()
      .when(new LinkObjects({ object, objects: [], customers: [] }))
      .thenRefused('LINKS_MISSING');
  });
});

describe('the name of an object', () => {
  const text = fc.string({ unit: fc.constantFrom('-', '%', 'a', '0', '\u0000', '\ud800', '停', ' '), minLength: 1 });
  const key = fc.record({ type: text, id: text });

  it('is its own, and fits a stream', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        const same = a.type === b.type && a.id === b.id;
        expect(objectName(a) === objectName(b)).toBe(same);
        expect(objectOfName(objectName(a))).toEqual(a);
        expect(objectStream(objectName(a))).not.toMatch(/[\p{Cc}\p{Cs}]/u);
      }),
    );
    expect(objectName({ type: 'work-order', id: '1' })).not.toBe(objectName({ type: 'work', id: 'order-1' }));
    expect(objectSubject(object)).toBe(subject);
  });

  it('has an end', () => {
    past()
      .when(new RecordObjectFact({ object: { type: 'a', id: 'x'.repeat(499) }, content }))
      .thenRefused('OBJECT_NAME_TOO_LONG');
    expect(objectStream(objectName({ type: 'a', id: 'x'.repeat(498) }))).toHaveLength(507);
  });
});
