import { parse } from 'yaml';
import { readMapping } from './csv-mapping-file.js';
import { proposedMapping, proposalText } from './csv-proposal-text.js';
import { proposeMapping, type ProposalOptions } from './csv-proposal.js';

const propose = async (content: string | Buffer, more: Partial<ProposalOptions> = {}) => {
  const open = async function* () {
    yield await Promise.resolve(Buffer.from(content as string));
  };
  const proposal = await proposeMapping(open, { journeyType: 'ticket', ...more });
  const text = proposalText(proposal);
  return { proposal, text, mapping: proposedMapping(proposal) as Record<string, unknown> };
};
const pad = (n: number) => String(n).padStart(2, '0');

/** 40 tickets of three rows each, one row for each change. */
const changes = [
  'ticket_id,state,updated_at,opened_at,team,assigned_to,contact_type,caller,caller_phone,cost,urgent,work_order,vendor,empty',
  ...Array.from({ length: 120 }, (_, i) => {
    const day = `${pad((i % 27) + 1)}.03.2024`;
    const ticket = Math.floor(i / 3);
    const state = ['New', 'Active', 'Done'][i % 3];
    return `T-${ticket},${state},${day} ${pad(i % 24)}:15,${pad((ticket % 27) + 1)}.02.2024 08:00,team ${i % 4},agent ${i % 9},phone,C${ticket % 20},+49 30 123${pad(ticket)}67,${i}.5,${i % 2 ? 'yes' : 'no'},W${ticket},?,`;
  }),
].join('\n');

describe('a proposed mapping', () => {
  it('of one row for each change', async () => {
    const { mapping, text, proposal } = await propose(changes);
    expect(mapping).toMatchObject({
      journeyType: 'ticket',
      nulls: ['?'],
      case: 'ticket_id',
      customer: 'caller',
      times: { format: 'DD.MM.YYYY HH:mm', zone: 'UTC' },
      touchpoints: [
        {
          at: 'updated_at',
          activity: 'state',
          unit: 'team',
          staff: 'assigned_to',
          channel: 'contact_type',
          objects: [{ type: 'work-order', column: 'work_order' }],
        },
        { name: 'opened_at', at: 'opened_at', once: true, activity: { constant: 'Opened' } },
      ],
      attributes: { caller_phone: { type: 'text', personal: true }, cost: 'number', urgent: 'flag' },
    });
    // What never says anything is left out, and seen in the columns.
    expect(Object.keys(mapping['attributes'] as object)).not.toContain('empty');
    expect(proposal.sample).toEqual({ rows: 120, complete: true, faulty: 0 });
    expect(text).toMatch(/^case: ticket_id {2}# 40 values, 3\.0 rows each/m);
    expect(text).toMatch(/CHECK the zone/);
    expect(text).toMatch(/caller_phone:.*# about a person/);
    expect(text).not.toMatch(/T-1|C1|123/);
  });

  it('is a mapping: it is read back as it was meant, and needs no CHECK once the zone is said', async () => {
    for (const zone of [undefined, 'Asia/Shanghai']) {
      const { mapping, text } = await propose(changes, { zone });
      expect(parse(text)).toEqual(mapping);
      expect(() => readMapping(text)).not.toThrow();
      expect(text.includes('CHECK the zone')).toBe(zone === undefined);
    }
  });

  it('of one row for each case, with a time for each step', async () => {
    const rows = Array.from(
      { length: 30 },
      (_, i) => `${1000 + i};2024-05-${pad((i % 27) + 1)}T08:00:00Z;2024-06-01T09:00:00Z;${i % 2}`,
    );
    const { mapping } = await propose(`order;ordered_at;delivered on;zip\n${rows.join('\n')}`);
    expect(mapping).toMatchObject({
      case: 'order',
      times: { format: 'iso' },
      touchpoints: [
        { name: 'ordered_at', activity: { constant: 'Ordered' } },
        { name: 'delivered on', activity: { constant: 'Delivered' } },
      ],
    });
    expect(mapping['times']).not.toHaveProperty('zone');
  });

  it('of a plain log', async () => {
    const rows = Array.from(
      { length: 30 },
      (_, i) => `C${i % 10},${['Call', 'Visit', 'Bill'][i % 3]},2024-05-01 08:${pad(i)}`,
    );
    const { mapping } = await propose(`case,activity,timestamp\n${rows.join('\n')}`);
    expect(mapping).toEqual({
      journeyType: 'ticket',
      case: 'case',
      times: { format: 'iso', zone: 'UTC' },
      at: 'timestamp',
      activity: 'activity',
      attributes: {},
    });
  });

  it('says when day and month cannot be told apart, unless another column tells', async () => {
    const rows = (second: string) =>
      Array.from(
        { length: 20 },
        (_, i) => `C${i % 5},a${i % 2},0${(i % 9) + 1}/03/2024 08:00,${second}/04/2024 08:00`,
      ).join('\n');
    const head = 'case,activity,changed,opened_at\n';
    expect((await propose(head + rows('02'))).text).toMatch(/CHECK which is the day/);
    const told = await propose(head + rows('22'));
    expect(told.text).not.toMatch(/CHECK which/);
    expect(told.mapping['times']).toMatchObject({ format: 'DD/MM/YYYY HH:mm' });
    const other = await propose(head + rows('02').replaceAll(',02/04', ',04/22'));
    expect(other.mapping['times']).toMatchObject({ format: 'MM/DD/YYYY HH:mm' });
  });

  it('finds the encoding of what is not UTF-8', async () => {
    const western = Buffer.from(changes.replace('New', 'Neuaufnahme für später'), 'latin1');
    expect((await propose(western)).mapping).toMatchObject({ file: { encoding: 'windows-1252' } });
    // 工单号,状态,时间 and 新建, 完成 in GB 18030.
    const header = Buffer.from('b9a4b5a5bac52cd7b4ccac2ccab1bce40a', 'hex');
    const words = [Buffer.from('d0c2bda8', 'hex'), Buffer.from('cdeab3c9', 'hex')];
    const rows = Array.from({ length: 20 }, (_, i) => [
      Buffer.from(`${i % 5},`),
      words[i % 2]!,
      Buffer.from(`,2024-05-01 08:${pad(i)}\n`),
    ]).flat();
    expect((await propose(Buffer.concat([header, ...rows]))).mapping).toMatchObject({
      file: { encoding: 'gb18030' },
      case: '工单号',
      activity: '状态',
      at: '时间',
    });
  });

  it('says what is missing, so that a person chooses', async () => {
    const { text } = await propose('a,b\n1,2\n1,3\n');
    expect(text).toMatch(/CHOOSE the column of the journey/);
    expect(text).toMatch(/No column of times/);
  });
});
