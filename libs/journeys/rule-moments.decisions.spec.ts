import { thoughtUntil, workOf } from './rule-moments.decisions.js';
import type { DueMoment } from './rule-moments.queries.js';

const due = (more: Partial<DueMoment> = {}): DueMoment => ({
  action: 'observe',
  journeyId: 'j',
  code: 'NEG-S3',
  cause: 'c',
  touchpointId: 't',
  occurredAt: '2024-03-01T08:00:00+08:00',
  dueMs: 0,
  momentId: '',
  reason: '',
  before: 0,
  lastRecordedMs: null,
  ...more,
});
const idOf = (row: DueMoment) => (workOf(row).command as { momentId: string }).momentId;

describe('a thing that is due', () => {
  it('has one id until it is recorded, and another one each time it is observed anew', () => {
    expect(idOf(due())).toBe(idOf(due({ occurredAt: '2024-03-02T00:00:00Z', touchpointId: 'u' })));
    const others = [due({ before: 1 }), due({ cause: 'd' }), due({ code: 'NEG-S5' }), due({ journeyId: 'k' })];
    expect(new Set([due(), ...others].map(idOf)).size).toBe(5);
    expect(idOf(due({ action: 'withdraw', momentId: 'm' }))).toBe('m');
  });

  it('is a command with the polarity of its rule', () => {
    expect(workOf(due()).command).toMatchObject({ code: 'NEG-S3', polarity: 'negative', ruleVersion: 1 });
    expect(workOf(due({ code: 'POS-S2' })).command).toMatchObject({ polarity: 'positive' });
  });

  it('is thought over ever longer by a rule that changed its mind again and again, but always taken back at once', () => {
    const waits = [0, 7, 8, 9, 12, 30].map((before) => thoughtUntil(due({ before, lastRecordedMs: 1_000_000 })));
    expect(waits).toEqual([0, 0, 1_001_000, 1_002_000, 1_016_000, 4_600_000]);
    expect(thoughtUntil(due({ action: 'withdraw', before: 30, lastRecordedMs: 1_000_000 }))).toBe(0);
  });
});
