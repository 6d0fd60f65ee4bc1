import { TouchstoneError } from '@touchstone/eventing/pure';
import type { Row, RowChange, TableSpec, Value } from './projection.js';

interface Shape {
  readonly spec: TableSpec;
  readonly columns: readonly string[];
}

/** A row's values in the order of the table's columns. @throws PROJECTION_ROW */
export function inOrder({ spec, columns }: Shape, row: Row): Value[] {
  const values = new Array<Value>(columns.length);
  let taken = 0;
  for (let i = 0; i < columns.length; i++) {
    const value = row[columns[i]!];
    if (value === undefined) values[i] = null;
    else {
      taken++;
      values[i] = bindable(spec.name, columns[i]!, value);
    }
  }
  for (const column in row) if (row[column] !== undefined) taken--;
  if (taken !== 0) misfit(spec.name, `a row has columns besides ${columns.join(', ')}`);
  return values;
}

/** The values of a whole row, checked. @throws PROJECTION_ROW */
export function wholeRow({ spec, columns }: Shape, values: readonly Value[]): readonly Value[] {
  if (values.length !== columns.length) misfit(spec.name, `a row has ${columns.length} values, not ${values.length}`);
  for (let i = 0; i < values.length; i++) bindable(spec.name, columns[i]!, values[i]);
  return values;
}

/** A value that every engine takes. @throws PROJECTION_ROW */
export function bindable(table: string, column: string, value: Value | undefined): Value {
  const type = typeof value;
  if (value === null || type === 'number' || type === 'string' || ArrayBuffer.isView(value)) return value as Value;
  misfit(table, `column "${column}" was given a value of type ${type}`);
}

/** @throws PROJECTION_ROW (internal) */
export function misfit(table: string, what: string): never {
  throw new TouchstoneError('PROJECTION_ROW', `A row change for table "${table}" does not fit: ${what}.`, 'internal');
}

/** The columns of a table that may be added to: all besides the key. @throws PROJECTION_ROW */
export function sumsOf({ name, columns, key, nullable = [] }: TableSpec): readonly string[] {
  const sums = Object.keys(columns).filter((column) => !key.includes(column));
  const odd = sums.find((column) => columns[column] !== 'int' || nullable.includes(column));
  if (odd !== undefined) misfit(name, `nothing can be added to a row, because "${odd}" is no int or may be null`);
  if (sums.length === 0) misfit(name, 'nothing can be added to a row that is all key');
  return sums;
}

/** Key and addends of an `add`, in the order of the columns; null when it adds nothing but zeros. @throws PROJECTION_ROW */
export function addendsOf(
  spec: TableSpec,
  { table, key, add }: Extract<RowChange, { op: 'add' }>,
  sums = sumsOf(spec),
): { readonly key: readonly Value[]; readonly addends: readonly number[] } | null {
  const keys = spec.key.map((column) => bindable(table, column, key[column]));
  if (Object.keys(key).length !== keys.length) misfit(table, `its key is ${spec.key.join(', ')}`);
  let nothing = true;
  let missed = Object.keys(add).length;
  const addends = sums.map((column) => {
    const addend = add[column];
    if (addend === undefined) return 0;
    if (!Number.isSafeInteger(addend)) misfit(table, `${addend} cannot be added to "${column}"; add whole numbers`);
    missed--;
    if (addend !== 0) nothing = false;
    return addend;
  });
  if (missed !== 0) misfit(table, `it can only be added to ${sums.join(', ')}`);
  // A row of zeros is no row, neither before nor after.
  return nothing ? null : { key: keys, addends };
}
