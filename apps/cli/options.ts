import { InvalidArgumentError, Option, type Command } from 'commander';
import { isInstant } from '@touchstone/eventing/pure';

/** For an option that may be given several times. */
export const several = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** For an option that may be given several times, or once with commas. */
export const listed = (value: string, before: readonly string[] = []): string[] => {
  const names = value.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('There is an empty name between the commas.');
  return [...before, ...names];
};

/** A whole number from `min` to `max`. */
export const whole =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
  };

/** An instant with its zone: a day alone begins at another moment in every zone. */
export const instant = (text: string): string => {
  if (isInstant(text)) return text;
  throw new InvalidArgumentError('Give a date and time with a zone offset, such as 2024-05-01T08:00:00+08:00.');
};

const POSITION = /^[0-9A-Za-z._-]{1,64}$/;

/** A place in the log, as an answer carried it. */
export const position = (text: string): string => {
  if (POSITION.test(text)) return text;
  throw new InvalidArgumentError('Give a position as an answer carried it.');
};

export type AsOf = { readonly instant: string } | { readonly position: string };

/** A moment, or a place in the log as an answer carried it. */
export const asOf = (text: string): AsOf => {
  if (isInstant(text)) return { instant: text };
  // A position is opaque; an instant that was mistyped still has its colons.
  if (POSITION.test(text) && !/^\d{4}-\d\d-\d\d/.test(text)) return { position: text };
  throw new InvalidArgumentError(
    'Give a position as an answer carried it, or a date and time with a zone offset, such as 2024-05-01T08:00:00+08:00.',
  );
};

/** Every command can answer a program. */
export const withJson = (command: Command): Command => command.option('--json', 'one JSON document on stdout');

export interface Paging {
  readonly first: number;
  readonly after?: string;
}

/** A command that lists something page by page. */
export const withPaging = (command: Command): Command =>
  command
    .addOption(new Option('--first <n>', 'entries at most, 1 to 1000').argParser(whole(1, 1_000)).default(50))
    .option('--after <cursor>', 'go on after this cursor, as the page before ended with');

export const withAsOf = (command: Command): Command =>
  command.addOption(
    new Option('--as-of <when>', 'as known then: a position of the log, or an instant with its zone').argParser(asOf),
  );

/** Which journeys: the options of `map` and `journeys`. */
export interface JourneyFilterOptions {
  readonly journeyType?: string;
  readonly unit?: string;
  readonly channel?: string;
  readonly segment?: string;
  readonly customer?: string;
  readonly from?: string;
  readonly to?: string;
  readonly touches?: boolean;
}

export const withJourneyFilter = (command: Command): Command =>
  command
    .option('--journey-type <name>', 'journeys of this type')
    .option('--unit <name>', 'journeys with any touchpoint of this unit')
    .option('--channel <name>', 'journeys with any touchpoint on this channel')
    .option('--segment <name>', 'journeys of customers of this segment')
    .option('--customer <id>', 'journeys of this customer')
    .addOption(new Option('--from <instant>', 'opened at or after this').argParser(instant))
    .addOption(new Option('--to <instant>', 'opened before this').argParser(instant))
    .option('--touches', 'let --from and --to choose journeys with any touchpoint in between');

/** The filter as the API takes it. */
export const journeyFilterOf = (o: JourneyFilterOptions): Record<string, string | undefined> => ({
  journeyType: o.journeyType,
  unit: o.unit,
  channel: o.channel,
  segment: o.segment,
  customerId: o.customer,
  from: o.from,
  to: o.to,
  window: o.touches ? 'TOUCHES' : undefined,
});
