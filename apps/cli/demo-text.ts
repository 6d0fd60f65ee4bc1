/** The five beats of the demo, in plain text. */
import type { Moved, Noticed, ShownFigure } from './demo.js';
import { eventLine } from './events.js';
import { figureLine, valueText, type Figure, type MetricInfo } from './metric-text.js';
import type { NamedIn } from './observed.js';
import { momentLine } from './observed-text.js';
import { indented, number } from './text.js';
import type { Timeline } from './timeline.js';
import { timelineText } from './timeline-text.js';

/** Both names, where there are two. */
export const bothNames = ({ nameEn, nameZh }: NamedIn): string =>
  nameZh === null || nameZh === nameEn ? nameEn : `${nameEn} ${nameZh}`;

const beat = (number: number, title: string, ...lines: readonly string[]): string =>
  [`${number}. ${title}`, '', ...lines.map((line) => indented(line)), ''].join('\n');

export const lifeText = (timeline: Timeline, nameOf: (kind: string) => string): string =>
  beat(
    1,
    'One customer over hotline, app, crew and call-back',
    timelineText(timeline, { nameOf, named: bothNames }),
    '',
    '▲ ▼ are moments of truth, −2..+2 is what was lived less what was expected.',
  );

export const figuresText = (figures: readonly ShownFigure[]): string =>
  beat(2, 'Three care figures, and an event behind each', ...figures.map(oneFigure));

function oneFigure({ metric, total, event }: ShownFigure): string {
  const behind = event
    ? `behind it, for one: ${event.eventId} (${event.kind}, ${event.occurredAt})`
    : 'nothing behind it';
  return `${metric.id} ${bothNames(metric)}: ${withN(total, metric)}\n  ${behind}`;
}

/** The line of a share says how many of how many, but not that the latter is n. */
const withN = (total: Figure, metric: MetricInfo): string => {
  const line = figureLine(total, metric);
  return line.includes('(n ') ? line : `${line}, n ${number(total.n)}`;
};

export const noticedText = ({ moment, event }: Noticed): string =>
  beat(
    3,
    'A negative moment is recorded, and a subscriber is told',
    `recorded:   ${momentLine(moment, bothNames)}`,
    `subscriber: ${eventLine(event)}`,
  );

export const movedText = ({ was, is }: Moved): string =>
  beat(
    4,
    'The figure moves, and what was known before can still be asked',
    `${is.metric.id} ${bothNames(is.metric)}: ${valueText(was.total.value, was.metric.unit)} → ${valueText(is.total.value, is.metric.unit)}`,
    `now:                     ${figureLine(is.total, is.metric)}`,
    `as of ${was.asOf.position}:  ${figureLine(was.total, was.metric)}`,
    '',
    `npx touchstone metric ${is.metric.id} --as-of ${was.asOf.position} asks again at any time.`,
  );

export const coachingText = ({ moment }: Noticed): string => {
  const { counterpart } = moment;
  const answer = counterpart
    ? `▲ ${counterpart.code} ${bothNames(counterpart)}`
    : 'no counterpart in the packs in force';
  return beat(5, 'What to do another time', `▼ ${moment.code} ${bothNames(moment)}`, answer);
};
