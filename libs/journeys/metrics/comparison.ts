/**
 * The difference of a ratio between two sides, split over groups into what changed inside a group (rate) and what
 * changed in how much weight the group has (mix). Exact: all arithmetic is in fractions of whole numbers; the parts are
 * rounded to 12 decimals once, at the end, so that they add up to the rounded difference to the last digit.
 */

/** Whole numbers; the value is their quotient. Without a denominator there is no numerator either. */
export interface Ratio {
  readonly numerator: number;
  readonly denominator: number;
}

/** One group on both sides. A side on which it does not occur is 0 ÷ 0. */
export interface ComparedGroup {
  readonly a: Ratio;
  readonly b: Ratio;
}

/** Amounts in units of 10^-12. */
export interface Part {
  readonly mix: bigint;
  readonly rate: bigint;
}

export interface Split {
  /** b - a. */
  readonly difference: bigint;
  /** In the order of the groups. */
  readonly parts: readonly Part[];
}

export const DECIMALS = 12;
const UNIT = 10n ** BigInt(DECIMALS);

/** An exact fraction; the denominator is positive. */
interface Fraction {
  readonly n: bigint;
  readonly d: bigint;
}

const fraction = (n: bigint, d: bigint): Fraction => (d < 0n ? { n: -n, d: -d } : { n, d });
const times = (x: Fraction, y: Fraction): Fraction => ({ n: x.n * y.n, d: x.d * y.d });
const plus = (x: Fraction, y: Fraction): Fraction => ({ n: x.n * y.d + y.n * x.d, d: x.d * y.d });
const minus = (x: Fraction, y: Fraction): Fraction => plus(x, { n: -y.n, d: y.d });
const half = ({ n, d }: Fraction): Fraction => ({ n, d: 2n * d });

/**
 * Splits b - a over groups: a centred, symmetric shift-share. With weights w (a group's part of its side's denominators)
 * and rates r, and R of the whole side:
 *
 * rate = (r_b - r_a) · (w_a + w_b) ÷ 2
 *
 * mix = (w_b - w_a) · ((r_a + r_b) ÷ 2 - (R_a + R_b) ÷ 2)
 *
 * A group that only one side has takes that side's rate for both, so all of it is mix. Both kinds of parts of all groups
 * together are the difference, and a and b exchanged turn every sign. `scale` multiplies values, such as 1,000 for a
 * figure per thousand.
 *
 * A strand is a part of the numerators only, such as one code of moments: every strand has the same denominators, and
 * the parts of all strands add up to the difference.
 *
 * @returns null where a side has no denominator, so no value
 */
export function splitDifference(strands: readonly (readonly ComparedGroup[])[], scale = 1): Split | null {
  const exact: Fraction[] = [];
  let difference: Fraction = { n: 0n, d: 1n };
  for (const groups of strands) {
    const [a, b] = [totalOf(groups, 'a'), totalOf(groups, 'b')];
    if (a.denominator <= 0n || b.denominator <= 0n) return null;
    difference = plus(difference, minus(fraction(b.numerator, b.denominator), fraction(a.numerator, a.denominator)));
    for (const group of groups) exact.push(...partsOf(group, a, b));
  }
  const factor = BigInt(scale);
  const scaled = exact.map(({ n, d }) => rounded(n * factor, d));
  const whole = rounded(difference.n * factor, difference.d);
  settle(scaled, whole);
  const parts = Array.from({ length: scaled.length / 2 }, (_, i) => ({
    mix: scaled[2 * i]!,
    rate: scaled[2 * i + 1]!,
  }));
  return { difference: whole, parts };
}

interface Total {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

const totalOf = (groups: readonly ComparedGroup[], side: 'a' | 'b'): Total =>
  groups.reduce(
    (total, { [side]: ratio }) => ({
      numerator: total.numerator + BigInt(ratio.numerator),
      denominator: total.denominator + BigInt(ratio.denominator),
    }),
    { numerator: 0n, denominator: 0n },
  );

/** Mix and rate of one group. */
function partsOf(group: ComparedGroup, a: Total, b: Total): [mix: Fraction, rate: Fraction] {
  const [rateA, rateB] = ratesOf(group);
  const weightA = fraction(BigInt(group.a.denominator), a.denominator);
  const weightB = fraction(BigInt(group.b.denominator), b.denominator);
  const centre = half(plus(fraction(a.numerator, a.denominator), fraction(b.numerator, b.denominator)));
  return [
    times(minus(weightB, weightA), minus(half(plus(rateA, rateB)), centre)),
    times(minus(rateB, rateA), half(plus(weightA, weightB))),
  ];
}

function ratesOf({ a, b }: ComparedGroup): [Fraction, Fraction] {
  const rateOf = ({ numerator, denominator }: Ratio) =>
    denominator > 0 ? fraction(BigInt(numerator), BigInt(denominator)) : null;
  const [rateA, rateB] = [rateOf(a), rateOf(b)];
  const none = { n: 0n, d: 1n };
  return [rateA ?? rateB ?? none, rateB ?? rateA ?? none];
}

/** In units of 10^-12, half away from zero, so that a turned sign turns the result. */
function rounded(n: bigint, d: bigint): bigint {
  const doubled = 2n * (n < 0n ? -n : n) * UNIT;
  const size = (doubled / d + 1n) / 2n;
  return n < 0n ? -size : size;
}

/** Gives what rounding left over to the largest parts, a unit each; of equally large ones to the first. */
function settle(parts: bigint[], whole: bigint): void {
  let rest = whole - parts.reduce((sum, part) => sum + part, 0n);
  const size = (i: number) => (parts[i]! < 0n ? -parts[i]! : parts[i]!);
  const order = parts.map((_, i) => i).sort((i, j) => (size(i) === size(j) ? i - j : size(i) > size(j) ? -1 : 1));
  const step = rest < 0n ? -1n : 1n;
  for (let k = 0; rest !== 0n; k++, rest -= step) parts[order[k % order.length]!]! += step;
}

/** A decimal number without needless zeros: 1234000000000n is "1.234". */
export function decimal(amount: bigint): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(DECIMALS + 1, '0');
  const fractional = digits.slice(-DECIMALS).replace(/0+$/, '');
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -DECIMALS)}${fractional === '' ? '' : `.${fractional}`}`;
}
