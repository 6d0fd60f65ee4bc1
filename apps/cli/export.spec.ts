import { parametersOf } from './export.command.js';
import { exportReportOf } from './export-report.js';
import { ocelOptionsOf } from './import-options.js';

describe('touchstone export', () => {
  it('knows the format by the name of the file', () => {
    expect(parametersOf('a.xes.gz', { journeyType: 'x', touches: true })).toEqual({
      route: '/exports/xes',
      query: expect.objectContaining({ journeyType: 'x', window: 'TOUCHES', gzip: 'true' }) as object,
    });
    expect(parametersOf('a.db', { allObjects: true, asOf: { position: '00' } }).query).toMatchObject({ format: 'sqlite', objects: 'all', asOf: '00', gzip: undefined }); // prettier-ignore
    expect(parametersOf('a.jsonocel.gz', {}).query).toMatchObject({ format: 'json', gzip: 'true' });
    expect(parametersOf('a.dat', { format: 'ocel-json' }).query).toMatchObject({ format: 'json' });
  });

  it.each([
    ['a.csv', {}],
    ['a.xes', {}],
    ['a.xes', { journeyType: 'x', allObjects: true }],
  ])('refuses %s with %j', (path, options) => {
    expect(() => parametersOf(path, options)).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
  });

  it('tells what is in the file and names what is not', () => {
    const report = {
      id: 'i',
      format: 'ocel-json' as const,
      status: 'done' as const,
      asOf: { position: '0a', instant: '2024-05-01T00:00:00.000Z' },
      journeys: 2,
      touchpoints: 1_234,
      events: 1_200,
      objects: 3,
      losses: [{ what: 'entry' as const, name: 'NOTE', count: 4 }],
      warnings: [],
    };
    const text = exportReportOf(report, 'a.json', '1 kB');
    expect(text).toMatch(
      /^Exported: a\.json, 1 kB\n {2}1,234 touchpoints of 2 journeys as 1,200 events with 3 objects\n/,
    );
    expect(text).toMatch(/entry +NOTE +4/);
    expect(exportReportOf({ ...report, losses: [] }, 'a.json', '1 kB')).toMatch(/Everything was carried over\.$/);
  });
});

describe('touchstone import of OCEL', () => {
  it('wants the type of object that is the journey', () => {
    expect(ocelOptionsOf('a.json', { caseType: ['Order'], zone: 'Z' })).toEqual({ caseTypes: ['Order'], zone: 'Z' });
    expect(ocelOptionsOf('a.xes', {})).toBeUndefined();
    for (const [path, flags] of [
      ['a.sqlite', {}],
      ['a.xes', { withoutCase: 'leave-out' }],
      ['a.json', { caseType: ['Order'], activity: ['x'] }],
    ] as const) {
      expect(() => ocelOptionsOf(path, flags)).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
    }
  });
});
