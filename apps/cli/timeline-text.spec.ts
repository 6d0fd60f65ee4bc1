import type { Timeline, TimelineEntry, TimelineVersion } from './timeline.js';
import type { Moment } from './observed.js';
import { nameIn, type NameOf } from './observed-text.js';
import { timelineText } from './timeline-text.js';

const version = (more: Partial<TimelineVersion>): TimelineVersion => ({
  form: 'TOUCHPOINT',
  version: 1,
  journeyId: 'j-1',
  occurredAt: '2025-07-16T19:48:06+08:00',
  kind: 'crew.arrived',
  channel: 'crew',
  unit: 'crew-2',
  staff: 'fitter-2b',
  closes: false,
  attributes: null,
  note: null,
  reason: null,
  eventId: 'e',
  position: '0a',
  recordedAt: '2025-07-17T00:00:00.000Z',
  ...more,
});
const entry = (more: Partial<TimelineEntry>): TimelineEntry => ({
  ...version(more),
  entryId: 't',
  shared: null,
  earlier: [],
  correctedSince: [],
  repeatOf: null,
  firstContact: null,
  channelChange: null,
  moments: [],
  retractedMoments: [],
  expectations: [],
  guidances: [],
  experience: [],
  reviews: [],
  ...more,
});
const head = { journeyType: 'repair', customerId: 'c', openedAt: '2025-07-16T10:00:00Z', endedAt: null };
const timeline = (entries: TimelineEntry[], of: Timeline['of'] = 'journey'): Timeline => ({
  of,
  id: 'j-1',
  asOf: { position: '0c', instant: '2025-07-21T00:00:00.000Z' },
  journeys: [
    { ...head, id: 'j-1', key: 'FR-1', status: 'OPEN' },
    { ...head, id: 'j-2', key: null, status: 'CLOSED' },
  ].slice(0, of === 'journey' ? 1 : 2),
  entries,
});
const names: Record<string, string> = { 'crew.arrived': 'Crew arrived 到达现场', 'crew.repaired': 'Repair done 修复' };
const nameOf = (kind: string) => names[kind] ?? kind;
const linesOf = (...entries: TimelineEntry[]) =>
  timelineText(timeline(entries), { nameOf, attributes: true }).split('\n').slice(3);

describe('a timeline for a reader', () => {
  it('marks what many share, and says of what', () => {
    const shared = { object: { type: 'outage', id: 'OUT-17' } };
    const [, , line] = linesOf(entry({ form: 'OBJECT_FACT', kind: 'outage.notified', journeyId: null, shared }));
    expect(line).toBe('  19:48:06 +08:00  crew  outage.notified  crew-2  [shared: outage OUT-17]');
  });

  it('keeps to the time of the place, day by day', () => {
    const lines = linesOf(
      entry({}),
      entry({ occurredAt: '2025-07-16T23:59:00+08:00', kind: 'crew.repaired', closes: true }),
      entry({ occurredAt: '2025-07-17T00:10:00+08:00', kind: 'x.unknown', channel: null, unit: null }),
    );
    expect(lines).toEqual([
      '',
      '2025-07-16',
      '  19:48:06 +08:00  crew  Crew arrived 到达现场  crew-2',
      '  23:59:00 +08:00  crew  Repair done 修复       crew-2  [closes]',
      '',
      '2025-07-17',
      '  00:10:00 +08:00  -     x.unknown              -',
    ]);
  });

  it('names the journeys, each entry with its own when there are several', () => {
    const text = timelineText(timeline([entry({}), entry({ journeyId: 'j-2' })], 'customer'), { nameOf });
    expect(text.split('\n')).toEqual([
      'Customer j-1: 2 entries in 2 journeys',
      '  FR-1  repair, open, j-1',
      '  j-2  repair, closed, j-2',
      'As of 2025-07-21T00:00:00.000Z, position 0c',
      '',
      '2025-07-16',
      '  19:48:06 +08:00  crew  Crew arrived 到达现场  crew-2  FR-1',
      '  19:48:06 +08:00  crew  Crew arrived 到达现场  crew-2  j-2',
    ]);
  });

  it.each<[string, Partial<TimelineEntry>, string]>([
    [
      'its time, and why',
      { reason: 'tablet offline', earlier: [version({ occurredAt: '2025-07-16T20:02:00+08:00' })] },
      '[corrected, was 20:02:00: tablet offline]',
    ],
    [
      'the day and the zone',
      { earlier: [version({ occurredAt: '2025-07-15T20:02:00Z' })] },
      '[corrected, was 2025-07-15 20:02:00 Z]',
    ],
    [
      'kind, unit and person, for the second time',
      { earlier: [version({}), version({ kind: 'crew.repaired', unit: null, staff: 'x' })] },
      '[corrected ×2, was Repair done 修复, unit unknown, staff x]',
    ],
    ['what is not shown here', { earlier: [version({})] }, '[corrected, was different in its attributes]'],
    [
      'after the answer',
      { correctedSince: [version({ occurredAt: '2025-07-16T19:34:31+08:00', reason: 'vehicle' })] },
      '[corrected since to 19:34:31: vehicle]',
    ],
    ['by voiding', { correctedSince: [version({ form: 'VOIDED', reason: 'twice' })] }, '[voided since: twice]'],
  ])('says what was corrected: %s', (_what, more, mark) => {
    expect(linesOf(entry(more))[2]).toMatch(new RegExp(`crew-2 {2}${mark.replace(/[[\]×]/g, '\\$&')}$`));
  });

  it('shows notes, reasons of decisions, and attributes when asked', () => {
    const lines = linesOf(
      entry({ attributes: { 'fault:cause': 'natural', nested: { a: [1] } } }),
      entry({ form: 'NOTE', kind: null, note: 'Dog in\nthe yard' }),
      entry({ form: 'CLOSED', kind: null, reason: 'done' }),
    );
    expect(lines.slice(2)).toEqual([
      '  19:48:06 +08:00  crew  Crew arrived 到达现场  crew-2',
      '             fault:cause = natural',
      '             nested = {"a":[1]}',
      '  19:48:06 +08:00  crew  Note                   crew-2',
      '             "Dog in the yard"',
      '  19:48:06 +08:00  crew  Closed                 crew-2',
      '             done',
    ]);
  });

  it('says what was observed: expected, told, moments, ratings, nothing to note', () => {
    const moment: Moment = {
      id: 'm',
      code: 'NEG-07',
      nameEn: 'Vague, passing round',
      nameZh: '含糊推诿',
      polarity: 'negative',
      intensity: 2,
      observer: 'customer',
      rule: null,
      note: 'Sent round',
      occurredAt: '2025-07-16T19:48:06+08:00',
      retracted: null,
      retractedSince: null,
      counterpart: null,
    };
    const byRule = { ...moment, code: 'POS-S2', polarity: 'positive' as const, intensity: 1, note: null };
    const back = { at: '2025-07-17T00:00:00Z', reason: 'wrong call', byRule: false };
    const observed = entry({
      repeatOf: 'e0',
      channelChange: { from: 'app', to: 'hotline', inContext: true },
      moments: [moment, { ...byRule, rule: { id: 'POS-S2', version: 1 }, observer: 'rule', retractedSince: back }],
      retractedMoments: [{ ...moment, note: null, retracted: back }],
      expectations: [
        {
          aspect: 'time',
          kind: 'explicit',
          desired: { value: 30, unit: 'min' },
          adequate: { value: 45, unit: 'min' },
          statement: 'Soon',
          observer: 'staff',
        },
      ],
      guidances: [
        {
          aspect: 'time',
          from: { value: 45, unit: 'min' },
          to: { value: 60, unit: 'min' },
          script: 's',
          accepted: false,
          statement: null,
        },
      ],
      experience: [
        {
          aspect: 'time',
          gap: -2,
          level: -2,
          expectation: 0,
          label: { id: 'very-dissatisfied', nameEn: 'Very dissatisfied', nameZh: '很不满意' },
          comment: null,
          observer: 'customer',
        },
        { aspect: null, gap: null, level: 1, expectation: null, label: null, comment: null, observer: 'qa' },
      ],
      reviews: [{ observer: 'auditor' }],
    });
    const text = (named: NameOf) =>
      timelineText(timeline([observed]), { nameOf, named })
        .split('\n')
        .slice(5);
    expect(text(nameIn('en'))).toEqual([
      '  19:48:06 +08:00  crew  Crew arrived 到达现场  crew-2  [repeat contact; app → hotline, in context]',
      '             expects of time: 30 min, 45 min would do (explicit, staff) "Soon"',
      '             told of time: 45 min → 60 min, not agreed (s)',
      '             ▼▼ NEG-07 Vague, passing round (customer) "Sent round"',
      '             ▲ POS-S2 Vague, passing round (rule, version 1) [taken back since: wrong call]',
      '             ▼▼ NEG-07 Vague, passing round (customer) [taken back: wrong call]',
      '             −2 Very dissatisfied time (customer)',
      '             +1 lived, what was expected is not known (qa)',
      '             nothing to note (auditor)',
    ]);
    expect(text(nameIn('zh'))[3]).toContain('NEG-07 含糊推诿 (customer)');
  });

  it('lets no name steer the terminal', () => {
    expect(linesOf(entry({ unit: 'crew\u001b[2J\n' })).join('')).not.toMatch(/[\u001b]/);
  });
});
