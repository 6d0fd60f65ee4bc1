import { bytes, counted, cut, duration, hours, indented, oneLine, percent, table, wallClock, widthOf } from './text.js';

describe('widths', () => {
  it.each([
    ['crew', 4],
    ['到达现场', 8],
    ['Crew 班组', 9],
    ['ｆｕｌｌ', 8],
    ['e\u0301', 1],
    ['🔌', 2],
    ['', 0],
  ])('%j takes %i columns', (text, width) => expect(widthOf(text)).toBe(width));

  it.each([
    ['Supply restored', 20, 'Supply restored'],
    ['Supply restored', 8, 'Supply …'],
    // A character of two columns does not fit into the one that is left.
    ['到达现场', 6, '到达…'],
    ['到达现场', 8, '到达现场'],
  ])('%j cut to %i is %j', (text, width, kept) => {
    expect(cut(text, width)).toBe(kept);
    expect(widthOf(kept)).toBeLessThanOrEqual(width);
  });

  it('lets nobody steer the terminal', () => {
    expect(oneLine('a\u001b[31mred\r\nb\u009b2J')).toBe('a [31mred b 2J');
  });
});

describe('a table', () => {
  const rows = [
    { name: 'Crew arrived 到达现场', n: 5 },
    { name: 'Call', n: 21_348 },
  ];

  it('has its columns under each other, numbers on the right, nothing at the end of a line', () => {
    const text = table(rows, [
      { head: 'what', of: (r) => r.name },
      { head: 'times', of: (r) => String(r.n), right: true },
      { head: '', of: () => '' },
    ]);
    expect(text.split('\n')).toEqual([
      'what                   times',
      'Crew arrived 到达现场      5',
      'Call                   21348',
    ]);
  });

  it('cuts what is too long', () => {
    expect(table(rows, [{ head: 'what', of: (r) => r.name, max: 6 }])).toBe('what\nCrew …\nCall');
  });
});

describe('figures in words', () => {
  it.each([
    [null, '-'],
    [0, '0 ms'],
    [320, '320 ms'],
    [119_400, '119 s'],
    [26 * 60_000, '26 min'],
    [119 * 60_000 + 29_000, '119 min'],
    [245 * 60_000, '4 h 05 min'],
    [956.35 * 3_600_000, '39 d 20 h'],
  ])('%j ms is %s', (ms, text) => expect(duration(ms)).toBe(text));

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [319_499, '319.5 kB'],
    [999_600, '1.0 MB'],
    [2_004_534, '2.0 MB'],
    [5e15, '5000.0 TB'],
  ])('%i bytes are %s', (n, text) => expect(bytes(n)).toBe(text));

  it('rounds hours and keeps what is not known', () => {
    expect([hours(3_442_860_000, 2), hours(177_840, 4), hours(null, 2)]).toEqual([956.35, 0.0494, null]);
  });

  it('counts and shares', () => {
    expect([counted(1, 'journey'), counted(4_580, 'journey'), counted(2, 'entry', 'entries')]).toEqual([
      '1 journey',
      '4,580 journeys',
      '2 entries',
    ]);
    expect(percent(0.51659)).toBe('51.7 %');
  });

  it('indents lines, but not empty ones', () => expect(indented('a\n\nb')).toBe('  a\n\n  b'));
});

describe('the clock on the wall', () => {
  it.each([
    ['2025-07-16T19:48:06+08:00', ['2025-07-16', '19:48:06', '+08:00']],
    ['2025-07-16T19:48:06.123Z', ['2025-07-16', '19:48:06', 'Z']],
    ['2012-10-09T23:59:59-03:30', ['2012-10-09', '23:59:59', '-03:30']],
    ['some day', ['some day', '', '']],
  ])('%s reads %j, whatever zone we are in', (instant, parts) => expect(wallClock(instant)).toEqual(parts));
});
