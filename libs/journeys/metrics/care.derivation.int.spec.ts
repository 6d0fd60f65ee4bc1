import { dumpRows, projectAll, recorded, type ToRecord } from '@touchstone/readmodel/testing';
import type { ProjectionGroup } from '@touchstone/readmodel';
import { journeyDerivations, journeyProjections } from '../read.js';

const group: ProjectionGroup = {
  name: 'journeys',
  projections: journeyProjections,
  derivations: journeyDerivations('Asia/Shanghai'),
};
const uuid = (n: number) => `0190a1b2-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
const hour = (n: number) => new Date(Date.parse('2024-03-01T00:00:00Z') + n * 3_600_000).toISOString();
const touchpoint = (id: number, at: number, more: object = {}): ToRecord => ({
  type: 'TouchpointRecorded',
  id: uuid(id),
  occurredAt: hour(at),
  data: {
    kind: 'a',
    kindVersion: 1,
    traits: { closes: false, contact: true, customerVisible: true },
    unit: 'u1',
    channel: 'phone',
    ...more,
  },
});
const journey = (n: number, customer: number, events: ToRecord[], before: ReturnType<typeof recorded>) =>
  recorded(
    `journey-${uuid(n)}`,
    [{ type: 'JourneyOpened', data: { journeyType: 'x', customerId: uuid(customer) }, occurredAt: hour(0) }, ...events],
    before,
  );

describe('care', () => {
  let events = recorded(`customer-${uuid(1)}`, [
    { type: 'CustomerRegistered', data: { identifiers: 'enc:1:x', segment: 's' } },
  ]);
  events = journey(
    10,
    1,
    [
      touchpoint(100, 0),
      touchpoint(101, 30, { channel: 'app', attributes: { contextPassed: true } }),
      touchpoint(102, 400),
    ],
    events,
  );
  events = journey(11, 2, [touchpoint(110, 20)], events);
  events = journey(
    12,
    2,
    [touchpoint(120, 700, { traits: { closes: true, contact: true, customerVisible: true } }), touchpoint(121, 701)],
    events,
  );
  events = recorded(
    `customer-${uuid(2)}`,
    [{ type: 'CustomersMerged', data: { survivorId: uuid(1), reason: 'r' } }],
    events,
  );
  events = recorded(
    `journey-${uuid(10)}`,
    [{ type: 'TouchpointVoided', data: { touchpointId: uuid(100), reason: 'r' } }],
    events,
  );

  it('followed in batches of any size equals what one pass makes', () => {
    const made = dumpRows(projectAll(group, events, { building: true }));
    expect(made['contact']).toHaveLength(5);
    for (const batch of [1, 2, 3, 100]) expect(dumpRows(projectAll(group, events, { batch }))).toEqual(made);
  });
});
