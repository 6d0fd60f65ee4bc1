import { contentOf } from './byte-source.js';
import type { CsvFileOptions } from './csv-dialect.js';
import { nullWords, profileOf, type ColumnProfile } from './csv-profile.js';
import { readCsv, type CsvHeader } from './csv-reader.js';
import { activityOf, caseOf, constancy, isPersonal, isThing, roleOf, thingType, type Chosen } from './csv-roles.js';

/** Rows, and characters of them, that a proposal is made from. */
const SAMPLE_ROWS = 20_000;
const SAMPLE_LENGTH = 16_000_000;
/** Raw bytes that tell a Chinese file from a Western one. */
const SNIFFED = 256 * 1024;

export interface ProposedTouchpoint {
  readonly column: ColumnProfile;
  readonly name?: string;
  readonly once: boolean;
  /** Absent: the activity's column names it. */
  readonly activity?: string;
  readonly why: string;
}

/** What a sample of a table lets one guess of its mapping, with the reasons. */
export interface MappingProposal {
  readonly journeyType: string;
  readonly sample: { readonly rows: number; readonly complete: boolean; readonly faulty: number };
  readonly header: CsvHeader;
  readonly encoding?: string;
  readonly nulls: readonly string[];
  readonly zone?: string;
  readonly columns: readonly ColumnProfile[];
  readonly case?: Chosen;
  readonly touchpoints: readonly ProposedTouchpoint[];
  readonly activity?: Chosen;
  readonly roles: Readonly<Partial<Record<'customer' | 'unit' | 'staff' | 'channel', Chosen>>>;
  readonly objects: readonly { readonly type: string; readonly column: ColumnProfile }[];
  readonly attributes: readonly { readonly column: ColumnProfile; readonly personal?: string }[];
}

export interface ProposalOptions {
  readonly journeyType: string;
  /** IANA zone of the stamps without an offset. */
  readonly zone?: string;
  readonly file?: CsvFileOptions;
}

/**
 * Proposes how a table becomes journeys, from its first 20,000 rows. Nothing in it is certain: a person reads it over.
 * @throws the errors of `readCsv`
 */
export async function proposeMapping(
  open: () => AsyncIterable<Uint8Array>,
  options: ProposalOptions,
): Promise<MappingProposal> {
  const encoding = options.file?.encoding ?? (await encodingOf(open()));
  const { header, rows, faulty, complete } = await sampleOf(open(), { ...options.file, encoding });
  const nulls = nullWords(rows);
  const nullSet = new Set(nulls);
  const all = header.columns.map((name, at) => profileOf(name, at, rows, nullSet));
  const columns = settledOrder(all.filter(({ name }) => name !== ''));
  const key = caseOf(columns, rows.length);
  const steadiness = new Map(
    columns.map((c) => [c, key && c !== key.column ? constancy(c, key.column, rows) : undefined]),
  );
  const isConstant = (column: ColumnProfile) => (steadiness.get(column) ?? 0) >= 0.95;
  const isWide = key !== undefined && columns.every((c) => steadiness.get(c) === undefined);
  const times = columns.filter((c) => c.type === 'instant');
  const activity =
    isWide && times.length > 1
      ? undefined
      : activityOf(
          columns.filter((c) => c !== key?.column),
          rows.length,
          isConstant,
        );
  const touchpoints = touchpointsOf(times, activity, isConstant, rows.length);
  const rest = columns.filter((c) => c !== key?.column && c !== activity?.column && !times.includes(c));
  const roles = rolesOf(rest);
  const taken = new Set([roles.customer, roles.unit, roles.staff, roles.channel].map((role) => role?.column));
  const things = rest.filter((c) => !taken.has(c) && isThing(c) && isPersonal(c) === undefined);
  return {
    journeyType: options.journeyType,
    sample: { rows: rows.length, complete, faulty },
    header,
    encoding,
    nulls,
    zone: options.zone,
    columns,
    case: key,
    touchpoints,
    activity,
    roles,
    objects: things.map((column) => ({ type: thingType(column.name), column })),
    attributes: rest
      .filter((c) => c.filled > 0 && !taken.has(c) && !things.includes(c))
      .map((column) => ({ column, personal: isPersonal(column) })),
  };
}

function rolesOf(columns: readonly ColumnProfile[]): MappingProposal['roles'] {
  const free = columns.filter((c) => c.looksLike === undefined);
  const customer = roleOf('customer', columns);
  const left = free.filter((c) => c !== customer?.column);
  const channel = roleOf('channel', left);
  const unit = roleOf(
    'unit',
    left.filter((c) => c !== channel?.column),
  );
  const staff = roleOf(
    'staff',
    left.filter((c) => c !== channel?.column && c !== unit?.column),
  );
  return { customer, unit, staff, channel };
}

/** One for each time: what changes from row to row is the row's own, what stays is told once for the case. */
function touchpointsOf(
  times: readonly ColumnProfile[],
  activity: Chosen | undefined,
  isConstant: (column: ColumnProfile) => boolean,
  rows: number,
): ProposedTouchpoint[] {
  const own = times.filter((c) => !isConstant(c));
  // The row's own time is in every row; another one that comes and goes is something else that happened.
  const main = activity && own.find((c) => c.filled >= rows * 0.98);
  return times.map((column): ProposedTouchpoint => {
    const once = isConstant(column);
    if (column === main) return { column, once, why: 'differs from row to row: when the activity of the row happened' };
    const name = column.name
      .replace(/[^\p{L}\p{N}._ -]/gu, ' ')
      .trim()
      .slice(0, 64);
    const why = once ? 'the same in all rows of a case: told once' : 'a time of its own in each row';
    const activityOfIt = activityName(column.name, activity?.column.values ?? []);
    return { column, name, once, activity: activityOfIt, why };
  });
}

/** `opened_at` as `Opened`, unless the activity's own column says so, too. */
function activityName(column: string, others: readonly string[]): string {
  const words = column
    .replace(/[_.:-]+/g, ' ')
    .replace(/\b(at|on|date|time|timestamp|dt|ts)\b/gi, '')
    .replace(/\s+/g, ' ')
    .trim();
  const text = words === '' ? column : words;
  const name = text[0]!.toUpperCase() + text.slice(1);
  return others.includes(name) ? `${name} (${column})` : name;
}

/** Where a column leaves open which is the day, the others of the file tell. */
function settledOrder(columns: readonly ColumnProfile[]): ColumnProfile[] {
  const sure = columns.find((c) => c.format !== undefined && c.otherOrder === undefined && /^[DM]/.test(c.format));
  if (!sure) return [...columns];
  return columns.map((c) => {
    if (c.otherOrder === undefined) return c;
    const { otherOrder, ...known } = c;
    return sure.format![0] === c.format![0] ? known : { ...known, format: otherOrder };
  });
}

async function sampleOf(source: AsyncIterable<Uint8Array>, file: CsvFileOptions) {
  let header: CsvHeader | undefined;
  const rows: (readonly string[])[] = [];
  let faulty = 0;
  let length = 0;
  let complete = true;
  for await (const part of readCsv(source, file)) {
    if (part.kind === 'header') {
      header = part;
      continue;
    }
    for (const { cells, fault } of part.rows) {
      if (fault) faulty++;
      else rows.push(cells);
      for (const cell of cells) length += cell.length;
    }
    if (rows.length < SAMPLE_ROWS && length < SAMPLE_LENGTH) continue;
    complete = false;
    break;
  }
  return { header: header!, rows, faulty, complete };
}

/** Undefined for UTF-8 and what its byte order mark tells. */
async function encodingOf(source: AsyncIterable<Uint8Array>): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of contentOf(source)) {
    pieces.push(piece);
    length += piece.length;
    if (length >= SNIFFED) break;
  }
  const bytes = Buffer.concat(pieces);
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) return undefined;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return undefined;
  } catch {
    return looksChinese(bytes) ? 'gb18030' : 'windows-1252';
  }
}

/** In GB 18030 high bytes come in pairs; in Western text they stand alone among ASCII. */
function looksChinese(bytes: Buffer): boolean {
  let paired = 0;
  let alone = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i]! < 0x80) continue;
    if ((bytes[i + 1] ?? 0) >= 0x80) {
      paired++;
      i++;
    } else {
      alone++;
    }
  }
  return paired > alone * 4;
}
