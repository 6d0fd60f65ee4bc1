import { CustomerRegistered, CustomerUpdated } from './customer.js';
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
} from './journey.events.js';
import { KeyBound } from './lookup-key.js';

const customerId = '0190a1b2-0000-7000-8000-000000000001';
const touchpointId = '0190a1b2-0000-7000-8000-00000000000a';
const content = {
  kind: 'contact.call-received',
  kindVersion: 1,
  traits: { closes: false, contact: true, customerVisible: true, actor: 'customer' as const, stage: 'F1' },
  channel: 'hotline',
  unit: 'hotline-east',
  staff: 'agent-17',
  customerId,
  attributes: { waitedSeconds: 42, outage: { feeder: 'F-12', tags: ['storm', null] } },
  personal: { caller: 'Zhang San', phone: '13800000000' },
  objects: [{ type: 'work-order', id: 'WO-1', qualifier: 'reports' }],
};

/** One named example of every event version ever written. Frozen: a change here is a change of stored data. */
export const journeySamples = {
  CustomerRegistered_1: CustomerRegistered({
    identifiers: [{ type: 'phone', value: '13800000000' }],
    name: 'Zhang San',
    phone: '13800000000',
    segment: 'resident',
    region: 'URBAN',
    tier: 'standard',
  }),
  CustomerUpdated_1: CustomerUpdated({ name: 'Zhang San', segment: 'industrial' }),
  KeyBound_1: KeyBound({ keyType: 'phone', customerId }),
  JourneyOpened_1: JourneyOpened({ journeyType: 'fault-repair', key: 'T-1', customerId }),
  TouchpointRecorded_1: TouchpointRecorded({ ...content, factId: '0190a1b2-0000-7000-8000-00000000000b' }),
  TouchpointCorrected_1: TouchpointCorrected({
    ...content,
    touchpointId,
    version: 2,
    happenedAt: '2024-05-01T08:03:00+08:00',
    sequence: 0,
    reason: 'The call was taken three minutes later.',
  }),
  TouchpointVoided_1: TouchpointVoided({ touchpointId, reason: 'Recorded for the wrong journey.' }),
  OwnerAssigned_1: OwnerAssigned({ unit: 'hotline-east', staff: 'agent-17', reason: 'First asked.' }),
  JourneyHandedOver_1: JourneyHandedOver({
    from: { unit: 'hotline-east', staff: 'agent-17' },
    to: { unit: 'crew-3' },
    note: 'The meter box is behind the shop.',
    customerTold: true,
  }),
  JourneyPaused_1: JourneyPaused({ reason: 'waiting-for-customer', until: '2024-05-02T08:00:00+08:00' }),
  JourneyResumed_1: JourneyResumed({ reason: 'The customer called back.' }),
  JourneyClosed_1: JourneyClosed({ reason: 'Repaired and confirmed.' }),
  JourneyReopened_1: JourneyReopened({ reason: 'The fault came back.' }),
  NoteAdded_1: NoteAdded({ text: 'Prefers to be called after six.' }),
};
