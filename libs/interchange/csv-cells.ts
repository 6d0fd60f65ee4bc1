import type { AttributeType } from './csv-mapping.js';
import type { PlannedAttribute, PlannedValue } from './csv-plan.js';
import { isExact } from './exact-numbers.js';
import type { Fault } from './mapped-log.js';

/** What a row says, cell by cell; blanks around a value mean nothing but within a text. */
export class CellReader {
  private readonly nulls: ReadonlySet<string>;

  constructor(
    nulls: readonly string[],
    private readonly decimal: '.' | ',',
  ) {
    this.nulls = new Set(['', ...nulls.map((text) => text.trim())]);
  }

  /** The cell without the blanks around it; undefined for nothing. */
  text(cells: readonly string[], at: number): string | undefined {
    const text = cells[at]?.trim();
    return text === undefined || this.nulls.has(text) ? undefined : text;
  }

  /** All of the cells, joined; undefined when none says anything. */
  joined(cells: readonly string[], places: readonly number[], by: string): string | undefined {
    if (places.length === 1) return this.text(cells, places[0]!);
    const texts = places.map((at) => this.text(cells, at)).filter((text) => text !== undefined);
    return texts.length === 0 ? undefined : texts.join(by);
  }

  /** Undefined when one of the cells says nothing. */
  whole(cells: readonly string[], places: readonly number[], by: string): string | undefined {
    if (places.length === 1) return this.text(cells, places[0]!);
    const texts = places.map((at) => this.text(cells, at));
    return texts.includes(undefined) ? undefined : texts.join(by);
  }

  value(cells: readonly string[], { cells: places, constant, values }: PlannedValue): string | undefined {
    if (constant !== undefined) return constant;
    const text = this.joined(cells, places, '+');
    return text !== undefined && values && Object.hasOwn(values, text) ? values[text] : text;
  }

  /** The attribute's value, undefined for nothing, or why the cell has none of its type. */
  attribute(
    cells: readonly string[],
    { cell, column, type, times }: PlannedAttribute,
  ): { value: string | number | boolean } | Fault | undefined {
    const text = this.text(cells, cell);
    if (text === undefined) return undefined;
    switch (type) {
      case 'text':
        return { value: cells[cell]! };
      case 'number': {
        const value = this.number(text);
        return value === undefined ? wrongType(column, type) : { value };
      }
      case 'flag': {
        const value = FLAGS.get(text.toLowerCase());
        return value === undefined ? wrongType(column, type) : { value };
      }
      case 'instant': {
        const read = times!.read(text);
        return 'instant' in read ? { value: read.instant } : read;
      }
    }
  }

  /** A number that JSON can say; what has more digits than fit stays as it is written. */
  private number(text: string): number | string | undefined {
    const grouped = this.decimal === '.' ? GROUPED_BY_COMMA : GROUPED_BY_POINT;
    const joined = grouped.test(text) ? text.replaceAll(this.decimal === '.' ? ',' : '.', '') : text;
    const plain = this.decimal === ',' ? joined.replace(',', '.') : joined;
    if (!NUMBER.test(plain)) return undefined;
    const number = Number(plain);
    if (!isExact(plain)) return text;
    return Number.isInteger(number) && !Number.isSafeInteger(number) ? text : number + 0;
  }
}

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$/;
const GROUPED_BY_COMMA = /^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$/;
const GROUPED_BY_POINT = /^[+-]?\d{1,3}(\.\d{3})+(,\d*)?$/;

/** What exports write for true and false. */
export const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ...['true', 't', 'yes', 'y', '1', 'x', '是'].map((text) => [text, true] as const),
  ...['false', 'f', 'no', 'n', '0', '否'].map((text) => [text, false] as const),
]);

const wrongType = (column: string, type: AttributeType): Fault => ({
  code: 'CSV_WRONG_TYPE',
  reason: `The cell of "${column}" is no ${type}.`,
});
