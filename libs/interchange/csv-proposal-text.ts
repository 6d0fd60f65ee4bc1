import { stringify } from 'yaml';
import type { MappingProposal, ProposedTouchpoint } from './csv-proposal.js';

/** A proposal as the plain value that a mapping file is. */
export function proposedMapping(p: MappingProposal): Record<string, unknown> {
  const { unit, staff, channel, customer } = p.roles;
  const own = p.touchpoints.find((t) => t.activity === undefined);
  const format = commonFormat(p);
  const perRow = {
    ...(unit && { unit: unit.column.name }),
    ...(staff && { staff: staff.column.name }),
    ...(channel && { channel: channel.column.name }),
    ...(p.objects.length > 0 && { objects: p.objects.map(({ type, column }) => ({ type, column: column.name })) }),
  };
  const at = ({ column }: ProposedTouchpoint) =>
    column.format === format ? column.name : { column: column.name, format: column.format };
  const touchpoint = (t: ProposedTouchpoint) => ({
    ...(t.name !== undefined && { name: t.name }),
    at: at(t),
    ...(t.once && { once: true }),
    activity: t.activity === undefined ? p.activity!.column.name : { constant: t.activity },
    ...(t === own ? perRow : t.once ? { attributes: [] } : {}),
  });
  const [single] = p.touchpoints;
  const isSingle = p.touchpoints.length === 1 && single?.activity === undefined;
  return {
    journeyType: p.journeyType,
    ...(p.encoding !== undefined && { file: { encoding: p.encoding } }),
    ...(p.nulls.length > 0 && { nulls: p.nulls }),
    case: p.case?.column.name ?? 'CHOOSE-A-COLUMN',
    ...(customer && { customer: customer.column.name }),
    times: { format, ...(needsZone(p) && { zone: p.zone ?? 'UTC' }) },
    ...(isSingle
      ? { at: at(single!), activity: p.activity!.column.name, ...perRow }
      : { touchpoints: p.touchpoints.map(touchpoint), ...(own ? {} : perRow) }),
    attributes: Object.fromEntries(
      p.attributes.map(({ column, personal }) => [
        column.name,
        personal === undefined ? column.type : { type: column.type, personal: true },
      ]),
    ),
  };
}

/** A proposal as a mapping file, with comments that say why. No value of a row stands in it but names of activities. */
export function proposalText(p: MappingProposal): string {
  const mapping = proposedMapping(p);
  const reasons = reasonsOf(p);
  const sections = Object.entries(mapping).map(([key, value]) => sectionOf(key, value, reasons));
  return [...head(p), '', ...sections.flat(), ''].join('\n');
}

function head({ sample, header, encoding, touchpoints, case: key }: MappingProposal): string[] {
  const rows = `${sample.rows}${sample.complete ? '' : ' (the first)'} rows`;
  const { delimiter } = header.dialect;
  const by = { ',': 'commas', ';': 'semicolons', '\t': 'tabs', '|': 'bars' }[delimiter] ?? JSON.stringify(delimiter);
  return [
    `# Proposed from ${rows}, cells parted by ${by}, ${encoding ?? 'UTF-8 or as its first bytes say'}. Read it over: nothing here is certain.`,
    ...(sample.faulty > 0
      ? [`# ${sample.faulty} rows of the sample could not be read; they will go to quarantine.`]
      : []),
    ...(key ? [] : ['# CHOOSE the column of the journey: no column repeats under a name that says so.']),
    ...(touchpoints.length > 0 ? [] : ['# No column of times was found: name one as "at", with its "format".']),
  ];
}

function sectionOf(key: string, value: unknown, reasons: ReadonlyMap<string, string>): string[] {
  const text = stringify({ [key]: value }, { lineWidth: 0, flowCollectionPadding: true })
    .trimEnd()
    .split('\n');
  const why = reasons.get(key);
  const lines = text.map((line) => {
    const column = /^\s+(?:- )?(?:at: |column: )?("[^"]*"|'[^']*'|[^:"']+?)(?:: .*|:)?$/.exec(line)?.[1];
    const reason = column === undefined ? undefined : reasons.get(`${key}/${column.replace(/^["']|["']$/g, '')}`);
    return reason === undefined ? line : `${line}  # ${reason}`;
  });
  if (why === undefined) return lines;
  return text.length === 1 ? [`${lines[0]!}  # ${why}`] : [`# ${why}`, ...lines];
}

function reasonsOf(p: MappingProposal): Map<string, string> {
  const reasons = new Map<string, string>();
  const say = (key: string, why: string | undefined) => why !== undefined && reasons.set(key, why.replace(/\s+/g, ' '));
  say('nulls', 'Stand for nothing.');
  say('case', p.case?.why);
  say('customer', p.roles.customer && `${p.roles.customer.why}; found again by a keyed hash, never stored readable`);
  for (const role of ['unit', 'staff', 'channel'] as const) say(role, p.roles[role]?.why);
  say('activity', p.activity?.why);
  say('at', p.touchpoints[0]?.why);
  const doubt = p.touchpoints.find((t) => t.column.otherOrder !== undefined)?.column;
  const zone =
    needsZone(p) && p.zone === undefined
      ? 'The times have no offset: CHECK the zone, nothing in the file tells it.'
      : '';
  const order = doubt
    ? `CHECK which is the day: "${doubt.otherOrder}" reads the sample of ${doubt.name} just as well.`
    : '';
  say('times', [zone, order].filter((text) => text !== '').join(' ') || undefined);
  for (const { column, why } of p.touchpoints) say(`touchpoints/${column.name}`, `${why}; in ${column.filled} rows`);
  if (p.touchpoints.length > 1) say('touchpoints', 'One for each column of times.');
  say('objects', 'Things that rows have in common, by their names.');
  say('attributes', 'Everything else that says anything; what is personal is encrypted before it is stored.');
  for (const { column, personal } of p.attributes) {
    say(`attributes/${column.name}`, personal && `about a person, ${personal}: drop the line, or leave it encrypted`);
  }
  return reasons;
}

const needsZone = ({ touchpoints }: MappingProposal): boolean => touchpoints.some(({ column }) => column.local);

/** The format of most of the times. */
function commonFormat({ touchpoints }: MappingProposal): string {
  const counts = new Map<string, number>();
  for (const { column } of touchpoints) counts.set(column.format!, (counts.get(column.format!) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'iso';
}
