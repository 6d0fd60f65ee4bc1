import {
  ObjectChanged,
  ObjectFactCorrected,
  ObjectFactRecorded,
  ObjectFactVoided,
  ObjectsLinked,
} from './object.events.js';

const customerId = '0190a1b2-0000-7000-8000-000000000001';
const factId = '0190a1b2-0000-7000-8000-0000000000f1';
const object = { type: 'outage', id: 'OUT-2024-17' };
const content = {
  object,
  kind: 'outage.notified',
  kindVersion: 1,
  traits: { closes: false, contact: true, customerVisible: true, actor: 'system' as const, stage: 'F2' },
  channel: 'sms',
  unit: 'control-room',
  staff: 'operator-2',
  customerId,
  attributes: { expectedMinutes: 90, feeder: 'F-12' },
  personal: { reportedBy: 'Zhang San' },
  objects: [{ type: 'feeder', id: 'F-12', qualifier: 'affects' }],
  audience: { customers: [customerId], linked: 'through-objects' as const },
};

/** One named example of every event version ever written. Frozen: a change here is a change of stored data. */
export const objectSamples = {
  ObjectFactRecorded_1: ObjectFactRecorded(content),
  ObjectFactCorrected_1: ObjectFactCorrected({
    ...content,
    factId,
    version: 2,
    happenedAt: '2024-05-01T08:03:00+08:00',
    sequence: 0,
    reason: 'The notice went out three minutes later.',
  }),
  ObjectFactVoided_1: ObjectFactVoided({ object, factId, reason: 'Sent for the wrong feeder.' }),
  ObjectChanged_1: ObjectChanged({
    object: { type: 'meter', id: 'M-1' },
    attributes: { state: 'sealed', replaced: null },
    customerId,
    personal: { address: 'Lane 3, house 7' },
  }),
  ObjectsLinked_1: ObjectsLinked({
    object: { type: 'feeder', id: 'F-12' },
    objects: [{ type: 'meter', id: 'M-1', qualifier: 'supplies', conveys: true }],
    customers: [{ customerId, qualifier: 'waits-for' }],
  }),
  ObjectsLinked_1_ended: ObjectsLinked({
    object: { type: 'meter', id: 'M-1' },
    customers: [{ customerId, qualifier: 'holder' }],
    ended: true,
  }),
};
