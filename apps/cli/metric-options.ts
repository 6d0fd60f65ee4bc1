/** Options of commands about metrics. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { instant, listed } from './options.js';

/** Names on the command line of what figures can be grouped and filtered by, and the names of the API. */
const DIMENSIONS = {
  day: 'DAY',
  week: 'WEEK',
  month: 'MONTH',
  unit: 'UNIT',
  channel: 'CHANNEL',
  'journey-type': 'JOURNEY_TYPE',
  stage: 'STAGE',
  segment: 'SEGMENT',
  region: 'REGION',
  tier: 'TIER',
  source: 'SOURCE',
  observer: 'OBSERVER',
  code: 'CODE',
} as const;
const TIMES = ['day', 'week', 'month'];

/** Name on the command line of a dimension of the API. */
export const dimensionName = (id: string): string =>
  Object.entries(DIMENSIONS).find(([, enumName]) => enumName === id)?.[0] ?? id;

/** Dimensions, as the API calls them: `day,unit`. */
export const dimensions = (value: string, before: readonly string[] = []): string[] => [
  ...before,
  ...listed(value).map((name) => {
    const found = DIMENSIONS[name as keyof typeof DIMENSIONS];
    if (found) return found;
    throw new InvalidArgumentError(`"${name}" is none of ${Object.keys(DIMENSIONS).join(', ')}.`);
  }),
];

export type MetricFilter = Readonly<Record<string, readonly (string | null)[]>>;

/** A condition such as `unit=K1`; `unit=` means those without. Conditions of one name are met by any of them. */
export function condition(text: string, before: MetricFilter = {}): MetricFilter {
  const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  const filterable = Object.keys(DIMENSIONS).filter((dimension) => !TIMES.includes(dimension));
  if (!filterable.includes(name)) {
    throw new InvalidArgumentError(`Give name=value, such as unit=K1; the name is one of ${filterable.join(', ')}.`);
  }
  const field = name === 'journey-type' ? 'journeyType' : name;
  return { ...before, [field]: [...(before[field] ?? []), value === '' ? null : value] };
}

/** Both filters together: a name that both have is met by the values of the second. */
export const merged = (filter: MetricFilter | undefined, own: MetricFilter | undefined): MetricFilter | undefined =>
  filter || own ? { ...filter, ...own } : undefined;

export const windowOf = (from: string | undefined, to: string | undefined) =>
  from === undefined && to === undefined ? undefined : { from, to };

export const withGroups = (command: Command): Command =>
  command
    .addOption(new Option('--by <names>', 'groups, with commas: day, week, month, unit …').argParser(dimensions))
    .addOption(
      new Option('--filter <name=value>', 'count only these; repeatable, "name=" for those without').argParser(
        condition,
      ),
    );

export const withWindow = (command: Command, prefix = '', of = ''): Command =>
  command
    .addOption(new Option(`--${prefix}from <instant>`, `anchors at or after this${of}`).argParser(instant))
    .addOption(new Option(`--${prefix}to <instant>`, `anchors before this${of}`).argParser(instant));

export const withLang = (command: Command): Command =>
  command.addOption(new Option('--lang <language>', 'names in the table').choices(['en', 'zh']).default('en'));
