import type { Expectation, Guidance, Measured, Moment, NamedIn, Observed, Rating } from './observed.js';
import { oneLine } from './text.js';

/** How a name is said: in one language, or in both. */
export type NameOf = (named: NamedIn) => string;

/** The name in that language; what has none in Chinese is said in English. */
export const nameIn =
  (language: 'en' | 'zh'): NameOf =>
  ({ nameEn, nameZh }) =>
    language === 'zh' ? (nameZh ?? nameEn) : nameEn;

/** What was observed at a touchpoint, a line each: what was expected and told, the moments, how it was lived. */
export function observedLines(at: Observed, nameOf: NameOf): string[] {
  return [
    ...at.expectations.map(expectationLine),
    ...at.guidances.map(guidanceLine),
    ...at.moments.map((moment) => momentLine(moment, nameOf)),
    ...at.retractedMoments.map((moment) => momentLine(moment, nameOf)),
    ...at.experience.map((rating) => ratingLine(rating, nameOf)),
    ...at.reviews.map(({ observer }) => `nothing to note (${observer})`),
  ];
}

/** `▼▼ NEG-07 Vague, passing round (customer) "…"`: a mark for each step of its intensity. */
export function momentLine(moment: Moment, nameOf: NameOf): string {
  const { code, polarity, intensity, observer, rule, note, retracted, retractedSince } = moment;
  const mark = (polarity === 'negative' ? '▼' : '▲').repeat(intensity);
  const by = rule ? `rule, version ${rule.version}` : observer;
  const back = retracted ? `[taken back: ${retracted.reason}]` : '';
  const since = retractedSince ? `[taken back since: ${retractedSince.reason}]` : '';
  return said(mark, code, nameOf(moment), `(${by})`, quoted(note), back, since);
}

/** `+1 Satisfied: time (customer) "…"`. */
function ratingLine({ gap, level, label, aspect, observer, comment }: Rating, nameOf: NameOf): string {
  const value = gap === null ? `${signed(level)} lived, what was expected is not known` : signed(gap);
  return said(value, label ? nameOf(label) : '', aspect ?? '', `(${observer})`, quoted(comment));
}

function expectationLine({ aspect, kind, desired, adequate, statement, observer }: Expectation): string {
  const would = adequate ? `${measured(adequate)} would do` : '';
  const wanted = [desired ? measured(desired) : '', would].filter((part) => part !== '').join(', ');
  return said(`expects of ${aspect}:`, wanted, `(${kind}, ${observer})`, quoted(statement));
}

function guidanceLine({ aspect, from, to, script, accepted, statement }: Guidance): string {
  const change = [from, to].flatMap((value) => (value ? [measured(value)] : [])).join(' → ');
  const answer = accepted === null ? [] : [accepted ? 'agreed' : 'not agreed'];
  const told = [change, ...answer].filter((part) => part !== '').join(', ');
  return said(`told of ${aspect}:`, told, script ? `(${script})` : '', quoted(statement));
}

/** From −2 to +2, with the sign that is meant. */
export const signed = (value: number | null): string =>
  value === null ? '?' : value > 0 ? `+${value}` : value < 0 ? `−${-value}` : '0';

const measured = ({ value, unit }: Measured): string => `${value} ${unit}`;
const quoted = (text: string | null): string => (text === null ? '' : `"${text}"`);
const said = (...parts: readonly string[]): string => oneLine(parts.filter((part) => part !== '').join(' '));
