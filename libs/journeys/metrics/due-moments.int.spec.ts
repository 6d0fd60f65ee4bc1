import type { RecordedEvent } from '@touchstone/eventing';
import type { ProjectionGroup } from '@touchstone/readmodel';
import { dumpRows, projectAll, recorded, type ToRecord } from '@touchstone/readmodel/testing';
import { journeyDerivations, journeyProjections } from '../read.js';
import { DueAction } from './care.tables.js';

const group: ProjectionGroup = {
  name: 'journeys',
  projections: journeyProjections,
  derivations: journeyDerivations('UTC'),
};
const HOUR = 3_600_000;
const WEEK = 168 * HOUR;
const start = Date.parse('2024-03-01T00:00:00Z');
const uuid = (n: number) => `0190a1b2-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
const hour = (n: number) => new Date(start + n * HOUR).toISOString();

interface Given {
  contact?: boolean;
  closes?: boolean;
  kind?: string;
}
const touchpoint = (id: number, at: number, { contact = false, closes = false, kind = 'a' }: Given = {}): ToRecord => ({
  type: 'TouchpointRecorded',
  id: uuid(id),
  occurredAt: hour(at),
  data: { kind, kindVersion: 1, traits: { closes, contact, customerVisible: true } },
});
const handover = (id: number, at: number, noted: boolean): ToRecord => ({
  type: 'JourneyHandedOver',
  id: uuid(id),
  occurredAt: hour(at),
  data: { from: {}, to: { unit: `u${id}` }, customerTold: true, ...(noted && { note: 'enc:1:x' }) },
});
const owner = (id: number, at: number): ToRecord => ({
  type: 'OwnerAssigned',
  id: uuid(id),
  occurredAt: hour(at),
  data: { unit: `u${id}` },
});
const moment = (id: number, at: number, code: string, touchpointId: number, cause?: number): ToRecord => ({
  type: 'MomentObserved',
  id: uuid(id),
  occurredAt: hour(at),
  data: {
    touchpointId: uuid(touchpointId),
    code,
    polarity: code.startsWith('NEG') ? 'negative' : 'positive',
    intensity: 1,
    observer: cause === undefined ? 'qa' : 'rule',
    ...(cause !== undefined && { rule: { version: 1, cause: uuid(cause) } }),
  },
});
const retraction = (of: number, byRule?: true): ToRecord => ({
  type: 'MomentRetracted',
  data: { momentId: uuid(of), reason: 'r', ...(byRule && { byRule }) },
});

let log: RecordedEvent[] = [];
const journey = (n: number, ...events: ToRecord[]) => {
  const data = { journeyType: 'x', customerId: uuid(1) };
  log = recorded(`journey-${uuid(n)}`, [{ type: 'JourneyOpened', data, occurredAt: hour(0) }, ...events], log);
};
const more = (n: number, ...events: ToRecord[]) => void (log = recorded(`journey-${uuid(n)}`, events, log));

/** What is due: code, touchpoint, hours until it may be decided; what is withdrawn, with its id and reason. */
const due = () =>
  dumpRows(projectAll(group, log))['moment_due']!.map((row) =>
    row['action'] === DueAction.observe
      ? `${String(row['code'])} ${ids(row['touchpoint'])} ${((row['due_ms'] as number) - start) / HOUR}`
      : `withdraw ${String(row['code'])} ${ids(row['moment_id'])}: ${String(row['reason'])}`,
  );
const ids = (id: unknown) => parseInt(String(id).slice(-12), 16);

beforeEach(() => (log = []));

describe('what the rules of moments owe', () => {
  it('a repeat at once, a resolution when its week has passed', () => {
    journey(10, touchpoint(1, 0, { contact: true }), touchpoint(2, 168, { contact: true }));
    journey(11, touchpoint(3, 400, { contact: true }));
    expect(due()).toEqual(['NEG-S3 2 168', `POS-S2 3 ${400 + 168}`]);
  });

  it('the week ends with its last millisecond, not after it', () => {
    journey(10, touchpoint(1, 0, { contact: true }));
    const late = new Date(start + WEEK + 1).toISOString();
    journey(11, { ...touchpoint(2, 0, { contact: true }), occurredAt: late });
    expect(due().filter((each) => each.startsWith('NEG'))).toEqual([]);
    journey(12, { ...touchpoint(3, 0, { contact: true }), occurredAt: new Date(start + 2 * WEEK + 1).toISOString() });
    expect(
      due()
        .filter((each) => each.startsWith('NEG-S3'))
        .map((each) => each.split(' ')[1]),
    ).toEqual(['3']);
  });

  it('a confirmation needs no week, a reopened journey resolves nothing', () => {
    journey(10, touchpoint(1, 0, { contact: true }), touchpoint(2, 5, { kind: 'contact.resolution-confirmed' }));
    expect(due()).toEqual(['POS-S2 1 0']);
    journey(11, touchpoint(3, 900, { contact: true, closes: true }), touchpoint(4, 901));
    expect(due()).toEqual(['POS-S2 1 0', 'NEG-S5 4 901']);
  });

  it('a change of owner without a note, and every one after the first', () => {
    journey(10, touchpoint(1, 0), owner(50, 1), handover(51, 2, true), touchpoint(2, 3), handover(52, 4, true));
    expect(due().filter((each) => each.startsWith('NEG'))).toEqual(['NEG-S2 2 4']);
    journey(11, touchpoint(3, 900), owner(60, 901), owner(61, 902));
    expect(due().filter((each) => each.startsWith('NEG'))).toEqual(['NEG-S2 2 4', 'NEG-S2 3 902']);
  });

  it('nothing once it is recorded, and a withdrawal when it does not hold any more', () => {
    journey(
      10,
      touchpoint(1, 0, { contact: true }),
      touchpoint(2, 5, { contact: true }),
      moment(70, 5, 'NEG-S3', 2, 2),
    );
    expect(due()).toEqual([]);
    more(10, { type: 'TouchpointVoided', data: { touchpointId: uuid(1), reason: 'r' } });
    expect(due()).toEqual(['withdraw NEG-S3 70: what it rested on does not hold', 'POS-S2 2 173']);
    more(10, retraction(70, true));
    expect(due()).toEqual(['POS-S2 2 173']);
  });

  it('a moment whose touchpoint was voided is withdrawn, before its cause speaks again', () => {
    journey(10, touchpoint(1, 0), owner(50, 1), touchpoint(2, 2), handover(51, 3, false));
    more(10, moment(70, 2, 'NEG-S2', 2, 51));
    const negative = () => due().filter((each) => !each.startsWith('POS'));
    expect(negative()).toEqual([]);
    more(10, { type: 'TouchpointVoided', data: { touchpointId: uuid(2), reason: 'r' } });
    expect(negative()).toEqual(['withdraw NEG-S2 70: what it rested on does not hold']);
    more(10, retraction(70, true));
    expect(negative()).toEqual(['NEG-S2 1 3']);
    more(10, { type: 'TouchpointVoided', data: { touchpointId: uuid(1), reason: 'r' } }, retraction(70, true));
    expect(due()).toEqual([]);
  });

  it('a person prevails at the touchpoint, for that polarity', () => {
    journey(
      10,
      touchpoint(1, 0, { contact: true }),
      touchpoint(2, 5, { contact: true }),
      moment(70, 5, 'NEG-S3', 2, 2),
    );
    more(10, moment(71, 6, 'POS-05', 2));
    expect(due()).toEqual([]);
    more(10, moment(72, 7, 'NEG-07', 2));
    expect(due()).toEqual(['withdraw NEG-S3 70: a person judged the touchpoint']);
    more(10, retraction(70, true));
    expect(due()).toEqual([]);
    more(10, retraction(72));
    expect(due()).toEqual(['NEG-S3 2 5']);
  });

  it('what a person took back stays so', () => {
    journey(
      10,
      touchpoint(1, 0, { contact: true }),
      touchpoint(2, 5, { contact: true }),
      moment(70, 5, 'NEG-S3', 2, 2),
    );
    more(10, retraction(70));
    expect(due()).toEqual([]);
  });

  it('a corrected time moves the moment with its touchpoint', () => {
    journey(
      10,
      touchpoint(1, 0, { contact: true }),
      touchpoint(2, 5, { contact: true }),
      moment(70, 5, 'NEG-S3', 2, 2),
    );
    const { data } = touchpoint(2, 6, { contact: true });
    const correction = { touchpointId: uuid(2), version: 2, happenedAt: hour(6), reason: 'r' };
    more(10, { type: 'TouchpointCorrected', data: { ...(data as object), ...correction } });
    expect(due()).toEqual(['withdraw NEG-S3 70: what it judges was corrected']);
    const before = log;
    more(10, retraction(70, true));
    expect(due()).toEqual(['NEG-S3 2 6']);
    // One that is where it should be stays there, though the other one is still there, too.
    log = before;
    more(10, moment(71, 6, 'NEG-S3', 2, 2));
    expect(due()).toEqual(['withdraw NEG-S3 70: what it judges was corrected']);
    more(10, retraction(70, true));
    expect(due()).toEqual([]);
  });

  it('merged customers have one matter', () => {
    journey(10, touchpoint(1, 0, { contact: true }));
    const data = { journeyType: 'x', customerId: uuid(2) };
    log = recorded(`journey-${uuid(11)}`, [{ type: 'JourneyOpened', data }, touchpoint(2, 5, { contact: true })], log);
    expect(due()).toEqual(['POS-S2 1 168', 'POS-S2 2 173']);
    const link = { survivorId: uuid(1), reason: 'r' };
    log = recorded(`customer-${uuid(2)}`, [{ type: 'CustomersMerged', data: link }], log);
    expect(due()).toEqual(['NEG-S3 2 5']);
    log = recorded(`customer-${uuid(2)}`, [{ type: 'CustomersUnmerged', data: link }], log);
    expect(due()).toEqual(['POS-S2 1 168', 'POS-S2 2 173']);
  });
});
