import fc from 'fast-check';
import { CellReader } from './csv-cells.js';
import { inexactAsTexts, inexactNumbers, isExact } from './exact-numbers.js';
import { parseJson } from './json-text.js';

describe('a decimal number', () => {
  it.each([
    '0',
    '-0',
    '1.0000000000000000000',
    '0.30000000000000004',
    '0.10000000000000001',
    '9007199254740992',
    '1e308',
    '5e-324',
    '123456789012345.6',
    '1' + '0'.repeat(22),
  ])('%s is kept', (written) => {
    expect(isExact(written)).toBe(true);
  });

  it.each([
    '12345678901234567890',
    '9007199254740993',
    '-9007199254740993',
    '0.1234567890123456789',
    '1234567890123456.78',
    '1e400',
    '1e-400',
    '3.14159265358979323846',
    `0.${'1'.repeat(120)}`,
  ])('%s is not', (written) => {
    expect(isExact(written)).toBe(false);
  });

  it('is kept when a program wrote it, in as many digits as it likes; whole ones exactly when they are the same', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 16, max: 60 }),
        (n, digits) => {
          expect(isExact(JSON.stringify(n))).toBe(true);
          expect(isExact(n.toExponential(digits))).toBe(true);
        },
      ),
    );
    fc.assert(
      fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n }), (n) => {
        // What JSON would say of it afterwards, digit for digit.
        const isSame = BigInt(String(Number(n)).replace(/e.*/, '')) === n || BigInt(Number(n)) === n;
        expect(isExact(String(n))).toBe(isSame);
      }),
    );
  });
});

describe('JSON with a number that would be changed', () => {
  const big = '12345678901234567890';
  it('is told by its code, wherever the number stands, and only then', () => {
    for (const text of [big, `[1, -${big}]`, `{"a":{"b":[${big}]}}`, `{"${big}":1e999}`]) {
      expect(parseJson(text)).toMatchObject({ code: 'JSON_NUMBER_INEXACT' });
    }
    for (const text of [`"${big}"`, `{"${big}":1}`, `"\\\\\\"${big}"`, `["\\\\", "${big}"]`]) {
      expect(parseJson(text)).toEqual({ value: JSON.parse(text) as unknown });
    }
    expect(parseJson(`[${big}`)).toMatchObject({ code: 'INVALID_JSON' });
  });

  it('can be read with the number as a text, and everything else as it was', () => {
    const text = `{"a":-${big},"b":"\\"${big}","c":[1.5,${big}]}`;
    expect(inexactNumbers(text)).toHaveLength(2);
    expect(JSON.parse(inexactAsTexts(text))).toEqual({ a: `-${big}`, b: `"${big}`, c: [1.5, big] });
  });
});

it('a number of a table that does not fit stays a text', () => {
  const cells = new CellReader([], '.');
  const read = (text: string) =>
    cells.attribute([text], { cell: 0, column: 'n', as: 'n', type: 'number', personal: false });
  for (const text of ['0.1234567890123456789', '12345678901234567890', '1,234,567,890,123,456.78', '1e-400']) {
    expect(read(text)).toEqual({ value: text });
  }
  expect(read('0.30000000000000004')).toEqual({ value: 0.30000000000000004 });
  expect(read('+1,234.50')).toEqual({ value: 1234.5 });
});
