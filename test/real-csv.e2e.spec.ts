import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { TestServer } from '../apps/server/testing.js';
import { describeOnRealData, realData } from './shared-data.js';

const bin = fileURLToPath(new URL('../bin/touchstone.js', import.meta.url));
const mappingFile = fileURLToPath(new URL('../examples/servicenow-incidents.mapping.yaml', import.meta.url));
const file = realData.file('servicenow-incidents.csv');

type Row = Record<string, string>;

/** The rows by the simplest means: the file has no quotes. */
function rowsOf(text: string): Row[] {
  expect(text).not.toContain('"');
  const [head, ...lines] = text.trimEnd().split('\r\n');
  const names = head!.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    expect(cells.length).toBe(names.length);
    return Object.fromEntries(names.map((name, i) => [name, cells[i]!]));
  });
}

interface Told {
  readonly kind: string;
  readonly at: number;
  readonly unit?: string;
  readonly staff?: string;
}

/** What a reader of the mapping would write down of each incident, in the order of a journey; counted by hand. */
function incidentsOf(rows: readonly Row[]): { incidents: Map<string, Told[]>; repeats: number } {
  const incidents = new Map<string, Told[]>();
  const once = new Set<string>();
  let repeats = 0;
  const at = (text: string) => {
    const [, day, month, year, hour, minute] = /^(\d\d)-(\d\d)-(\d{4}) (\d\d):(\d\d)$/.exec(text)!;
    return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute));
  };
  const named = (text: string) => (text === '?' ? undefined : text);
  for (const row of rows) {
    const told = incidents.get(row['number']!) ?? [];
    incidents.set(row['number']!, told);
    const tell = (kind: string, column: string, staff?: string, unit?: string, isRow = false) => {
      const text = row[column]!;
      if (text === '?') return;
      const key = `${row['number']} ${column} ${text}`;
      if (!isRow && once.has(key)) repeats++;
      else told.push({ kind, at: at(text), unit, staff });
      if (!isRow) once.add(key);
    };
    tell('Incident opened', 'opened_at', named(row['opened_by']!));
    tell(row['incident_state']!, 'sys_updated_at', named(row['assigned_to']!), named(row['assignment_group']!), true);
    tell('Incident resolved', 'resolved_at', named(row['resolved_by']!));
    tell('Incident closed', 'closed_at');
  }
  // A stable sort keeps the order of the file among equal times.
  for (const told of incidents.values()) told.sort((a, b) => a.at - b.at);
  return { incidents, repeats };
}

const countBy = (texts: readonly string[]) => {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
};

describeOnRealData('a real table, from the file to the figures', () => {
  let server: TestServer;
  let rows: Row[];
  let expected: ReturnType<typeof incidentsOf>;
  let all: Told[];
  let directory: string;
  const touchstone = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)(process.execPath, [bin, ...args, '--json'], { maxBuffer: 1e8 });
    return JSON.parse(stdout) as Record<string, never>;
  };
  const importTable = (mapping: string, ...args: string[]) =>
    touchstone('import', file, '--mapping', mapping, '--server', server.url, ...args);
  const journeyMap = async () => {
    const { data } = await server.ask(`{ journeyMap(filter: { journeyType: "incident" }, maxNodes: 100) {
      cases { value } closedCases { value } events { value } transitions { value } variantCount
      nodes { nameEn role count { value } starts { value } } edges { source target count { value } } } }`);
    return data.journeyMap as {
      cases: { value: number };
      closedCases: { value: number };
      events: { value: number };
      transitions: { value: number };
      variantCount: number;
      nodes: { nameEn: string; role: string; count: { value: number }; starts: { value: number } }[];
    };
  };

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'real-csv-'));
    rows = rowsOf(readFileSync(file, 'utf8'));
    expected = incidentsOf(rows);
    all = [...expected.incidents.values()].flat();
    server = await TestServer.start();
  });
  afterAll(async () => {
    await server.remove();
    rmSync(directory, { recursive: true });
  });

  it('goes in whole, by the mapping that the repository keeps', async () => {
    const result = await importTable(mappingFile);
    expect([rows.length, expected.incidents.size]).toEqual([5_998, 890]);
    expect(result).toMatchObject({
      status: 'imported',
      rows: rows.length,
      journeys: expected.incidents.size,
      sent: all.length + expected.repeats,
      taken: all.length,
      known: expected.repeats,
      quarantined: 0,
      losses: [],
    });
  }, 120_000);

  it('has as many touchpoints of every kind as were counted by hand, and the same journeys', async () => {
    await server.ready();
    const map = await journeyMap();
    const activities = map.nodes.filter((node) => node.role === 'ACTIVITY');
    const counts = Object.fromEntries(activities.map(({ nameEn, count }) => [nameEn, count.value]));
    expect(counts).toEqual(countBy(all.map(({ kind }) => kind)));
    const stories = [...expected.incidents.values()];
    const starts = activities.filter(({ starts: n }) => n.value > 0).map(({ nameEn, starts: n }) => [nameEn, n.value]);
    expect(Object.fromEntries(starts)).toEqual(countBy(stories.map((told) => told[0]!.kind)));
    expect({
      cases: map.cases.value,
      events: map.events.value,
      closed: map.closedCases.value,
      variants: map.variantCount,
      transitions: map.transitions.value,
    }).toEqual({
      cases: stories.length,
      events: all.length,
      closed: stories.filter((told) => ['Closed', 'Incident closed'].includes(told.at(-1)!.kind)).length,
      variants: new Set(stories.map((told) => told.map(({ kind }) => kind).join('\n'))).size,
      transitions: all.length - stories.length,
    });
  });

  it('tells one incident as it was', async () => {
    const longest = [...expected.incidents].sort((a, b) => b[1].length - a[1].length)[0]!;
    const { data } = await server.ask(
      '{ journeys(filter: { journeyType: "incident" }, first: 1000) { edges { node { id key } } } }',
    );
    const journey = (data.journeys.edges as { node: { id: string; key: string } }[]).find(
      ({ node }) => node.key === longest[0],
    )!;
    const timeline = await server.ask(
      'query ($id: ID!) { timeline(of: { journeyId: $id }, first: 1000) { edges { node { occurredAt kind unit staff channel } } } }',
      { id: journey.node.id },
    );
    const told = (timeline.data.timeline.edges as { node: Record<string, string | null> }[]).map(({ node }) => node);
    expect(told.map(({ occurredAt, kind, unit, staff }) => [Date.parse(occurredAt!), kind, unit, staff])).toEqual(
      longest[1].map(({ at, kind, unit, staff }) => [at, `incident:${kind}`, unit ?? null, staff ?? null]),
    );
    expect(told.filter(({ channel }) => channel === 'hotline').length).toBe(1);
  });

  it('adds nothing the second time', async () => {
    expect(await importTable(mappingFile)).toMatchObject({
      taken: 0,
      known: all.length + expected.repeats,
      quarantined: 0,
    });
  }, 120_000);

  it('quarantines the second of two changes that claim one number', async () => {
    const mapping = join(directory, 'by-number.yaml');
    writeFileSync(
      mapping,
      readFileSync(mappingFile, 'utf8').replace(
        '  - at: sys_updated_at\n',
        '  - at: sys_updated_at\n    id: sys_mod_count\n',
      ),
    );
    const claimed = new Set<string>();
    const again = rows.filter((row) => {
      const key = `${row['number']} ${row['sys_mod_count']}`;
      return claimed.has(key) || !claimed.add(key);
    });
    expect(again.length).toBe(5);
    expect(await importTable(mapping, '--dry-run')).toMatchObject({
      status: 'checked',
      sent: all.length + expected.repeats,
      taken: all.length - again.length,
      quarantined: again.length,
      unreadable: { CSV_RECORD_ID_REUSED: again.length },
    });
  }, 60_000);

  it('goes in by the mapping that is proposed for it', async () => {
    const out = join(directory, 'proposed.yaml');
    const { mapping } = await touchstone('map-columns', file, '--out', out);
    expect(mapping).toMatchObject({ case: 'number', customer: 'caller_id', times: { format: 'DD-MM-YYYY HH:mm' } });
    expect(await importTable(out, '--dry-run')).toMatchObject({
      rows: rows.length,
      journeys: expected.incidents.size,
      quarantined: 0,
    });
  }, 60_000);
});
