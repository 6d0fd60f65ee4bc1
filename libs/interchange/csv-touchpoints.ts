import { instantMs } from '@touchstone/eventing';
import type { TouchpointFact } from '@touchstone/journeys';
import { CellReader } from './csv-cells.js';
import type { CsvMapping } from './csv-mapping.js';
import type { CsvPlan, PlannedTime, PlannedTouchpoint } from './csv-plan.js';
import type { LossReport } from './loss-report.js';
import type { Fault } from './mapped-log.js';
import { put, type JsonObject } from './xes-value.js';

export const LONGEST_NAME = 512;
const LONGEST_CODE = 256;
/** A kind id is `<journey type>:<activity>` within 256 characters. */
const LONGEST_ACTIVITY = 190;

type Roles = Pick<TouchpointFact, 'unit' | 'staff' | 'channel'>;

/** What a row says of one touchpoint, whichever journey it is in. */
export interface SaidTouchpoint extends Roles, Pick<TouchpointFact, 'occurredAt' | 'objects'> {
  readonly activity: string;
  readonly attributes: JsonObject;
  readonly personal?: JsonObject;
  /** The instant, in ms. */
  readonly at: number;
  readonly customer?: string;
  readonly recordId?: string;
  readonly recordedAt?: string;
}

/** Understands what rows say, one touchpoint at a time. */
export class CsvTouchpoints {
  readonly cells: CellReader;

  constructor(
    private readonly mapping: CsvMapping,
    private readonly plan: CsvPlan,
    private readonly report: LossReport,
  ) {
    this.cells = new CellReader(mapping.nulls, mapping.decimal);
  }

  /** What the row has for the time of the touchpoint; undefined when it has nothing. */
  written(cells: readonly string[], { at }: PlannedTouchpoint): string | undefined {
    return this.cells.whole(cells, at.cells, ' ');
  }

  read(cells: readonly string[], planned: PlannedTouchpoint, written: string | undefined): SaidTouchpoint | Fault {
    if (written === undefined) {
      return { code: 'CSV_NO_TIMESTAMP', reason: `The row has no time in "${planned.at.column}".` };
    }
    const occurredAt = this.instant(planned.at, written);
    if (typeof occurredAt !== 'string') return occurredAt;
    const activity = this.activity(cells, planned);
    if (typeof activity !== 'string') return activity;
    const about = this.about(cells, planned);
    if ('code' in about) return about;
    const content = this.content(cells, planned);
    if ('code' in content) return content;
    this.keepWords(cells, planned, activity, content.attributes);
    return { activity, occurredAt, at: instantMs(occurredAt), ...about, ...content };
  }

  private instant({ times, column }: PlannedTime, written: string): string | Fault {
    const read = times.read(written);
    if (!('instant' in read)) return read;
    if (read.doubt) this.report.add(`${read.doubt}-time`, column);
    return read.instant;
  }

  private activity(cells: readonly string[], { activity }: PlannedTouchpoint): string | Fault {
    const text = this.cells.value(cells, activity);
    if (text === undefined) return { code: 'CSV_NO_ACTIVITY', reason: 'The row has nothing to name its activity.' };
    if (text.length <= LONGEST_ACTIVITY) return text;
    return {
      code: 'CSV_ACTIVITY_TOO_LONG',
      reason: `The row's activity has more than ${LONGEST_ACTIVITY} characters.`,
    };
  }

  /** Who and where, and what the source says of the record itself. */
  private about(cells: readonly string[], planned: PlannedTouchpoint) {
    const unit = planned.unit && this.cells.value(cells, planned.unit);
    const staff = planned.staff && this.cells.value(cells, planned.staff);
    const channel = planned.channel && this.cells.value(cells, planned.channel);
    if (unit !== undefined && unit.length > LONGEST_CODE) return tooLong('unit');
    if (staff !== undefined && staff.length > LONGEST_CODE) return tooLong('staff');
    if (channel !== undefined && channel.length > LONGEST_CODE) return tooLong('channel');
    const customer = this.plan.customer === undefined ? undefined : this.cells.text(cells, this.plan.customer);
    if (customer !== undefined && customer.length > LONGEST_CODE) return tooLong('customer');
    const recordId = planned.id === undefined ? undefined : this.cells.text(cells, planned.id);
    if (recordId !== undefined && recordId.length > LONGEST_NAME) return tooLong('id');
    const recorded = planned.recordedAt && this.cells.whole(cells, planned.recordedAt.cells, ' ');
    const recordedAt = recorded === undefined ? undefined : this.instant(planned.recordedAt!, recorded);
    if (typeof recordedAt === 'object') return recordedAt;
    return { unit, staff, channel, customer, recordId, recordedAt };
  }

  private content(
    cells: readonly string[],
    { attributes: planned, objects: things }: PlannedTouchpoint,
  ): Pick<SaidTouchpoint, 'attributes' | 'personal' | 'objects'> | Fault {
    const attributes: JsonObject = {};
    const personal: JsonObject = {};
    let hasPersonal = false;
    for (const attribute of planned) {
      const read = this.cells.attribute(cells, attribute);
      if (read === undefined) continue;
      if ('code' in read) return read;
      hasPersonal ||= attribute.personal;
      put(attribute.personal ? personal : attributes, attribute.as, read.value);
    }
    const objects: { type: string; id: string; qualifier?: string }[] = [];
    for (const { type, cell, qualifier, separator } of things) {
      const text = this.cells.text(cells, cell);
      if (cell === this.plan.customer) {
        // They are the customer already, who is kept encrypted; a thing is readable, in the name of its stream too.
        if (text !== undefined) this.report.add('customer-object', type);
        continue;
      }
      for (const part of text === undefined ? [] : separator === undefined ? [text] : text.split(separator)) {
        const id = part.trim();
        if (id.length > LONGEST_NAME) return tooLong('object');
        if (id !== '') objects.push(qualifier === undefined ? { type, id } : { type, id, qualifier });
      }
    }
    if (objects.length > 1_000)
      return { code: 'CSV_TOO_MANY_OBJECTS', reason: 'The row names more than 1,000 objects.' };
    return {
      attributes,
      personal: hasPersonal ? personal : undefined,
      objects: objects.length > 0 ? objects : undefined,
    };
  }

  /** What the mapping has put other words for stays as it was said, under the name of its column. */
  private keepWords(
    cells: readonly string[],
    { activity, unit, staff, channel }: PlannedTouchpoint,
    named: string,
    attributes: JsonObject,
  ): void {
    const replaced = [activity, unit, staff, channel].filter((source) => source?.values !== undefined);
    if (isMapped(named, this.mapping)) replaced.push(activity);
    for (const at of replaced.flatMap((source) => source!.cells)) {
      const text = this.cells.text(cells, at);
      if (text !== undefined) put(attributes, this.plan.header.columns[at]!, text);
    }
  }
}

const isMapped = (activity: string, { kinds }: CsvMapping): boolean => Object.hasOwn(kinds, activity);

const tooLong = (role: string): Fault => ({
  code: 'CSV_VALUE_TOO_LONG',
  reason: `The ${role} of the row has more than ${role === 'id' || role === 'object' ? LONGEST_NAME : LONGEST_CODE} characters.`,
});
