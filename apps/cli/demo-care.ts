/** What people noted about the example, recorded through the API as they would: lines of commands. */
import { readFile } from 'node:fs/promises';
import { TouchstoneError } from '@touchstone/eventing/pure';
import type { Api } from './api.js';
import type { Page } from './page.js';

/** A line of the file: a command by its name in the API, for a journey by its key and a touchpoint by its place there. */
interface Line {
  readonly journey: string;
  /** From 0, in the order of the source. */
  readonly touchpoint?: number;
  readonly command: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** What a line may do; the name of the mutation gives that of its input. */
const COMMANDS = new Set([
  'assignOwner',
  'handOverJourney',
  'correctTouchpoint',
  'observeMoment',
  'retractMoment',
  'reviewTouchpoint',
  'recordExpectation',
  'guideExpectation',
  'rateExperience',
]);

/** Journeys that are worked on at once; within one, a line comes after the other. */
const AT_ONCE = 8;

/**
 * Records all lines of a file; what is recorded already stays as it is.
 * @throws CARE_INVALID for a line that nobody can read, and what the commands refuse
 */
export async function recordCare(
  api: Api,
  file: string,
  journeyType: string,
  report: (done: number, total: number) => void,
): Promise<number> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '').map(lineOf); // prettier-ignore
  const places = await placesOf(api, journeyType);
  const byJourney = new Map<string, Line[]>();
  for (const line of lines) byJourney.set(line.journey, [...(byJourney.get(line.journey) ?? []), line]);
  const waiting = [...byJourney.values()];
  let done = 0;
  const work = async (): Promise<void> => {
    for (let own = waiting.shift(); own; own = waiting.shift()) {
      for (const line of own) {
        await record(api, line, places.get(line.journey));
        report(++done, lines.length);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return lines.length;
}

function lineOf(text: string, i: number): Line {
  const line = JSON.parse(text) as Line;
  if (COMMANDS.has(line.command)) return line;
  throw invalid(`line ${i + 1} has the command "${line.command}", which is none of ${[...COMMANDS].join(', ')}`);
}

/** A journey of the source: its id, and its touchpoints by their place in the source. */
interface Place {
  readonly journeyId: string;
  readonly touchpoints: Map<number, string>;
}

async function record(api: Api, { journey, touchpoint, command, input }: Line, place: Place | undefined) {
  const touchpointId = touchpoint === undefined ? undefined : place?.touchpoints.get(touchpoint);
  if (!place || (touchpoint !== undefined && touchpointId === undefined)) {
    throw invalid(
      `the journey ${journey}${touchpoint === undefined ? '' : ` or its touchpoint ${touchpoint}`} is not there`,
    );
  }
  const type = `${command[0]!.toUpperCase()}${command.slice(1)}Input`;
  const mutation = `mutation Record($input: ${type}!) { ${command}(input: $input) { position } }`;
  try {
    await api.ask(mutation, { input: { journeyId: place.journeyId, ...(touchpointId && { touchpointId }), ...input } });
  } catch (error) {
    // On a second run the owners have changed since: this change is recorded already.
    if ((error as Partial<TouchstoneError>).code !== 'NOT_LAST') throw error;
  }
}

async function placesOf(api: Api, journeyType: string): Promise<ReadonlyMap<string, Place>> {
  const places = new Map<string, Place>();
  const byStream = new Map<string, Place>();
  const journeys = pagesOf<{ id: string; key: string | null }>(
    api,
    'journeys',
    `query Journeys($type: String!, $after: String) {
      journeys(filter: { journeyType: $type }, first: 1000, after: $after) {
        edges { node { id key } } pageInfo { hasNextPage endCursor }
      }
    }`,
    { type: journeyType },
  );
  for await (const { id, key } of journeys) {
    const place = { journeyId: id, touchpoints: new Map<number, string>() };
    if (key !== null) places.set(key, place);
    byStream.set(`journey-${id}`, place);
  }
  type Recorded = { id: string; stream: string; metadata: { source: { sequence: number | null } | null } };
  const events = pagesOf<Recorded>(
    api,
    'events',
    `query Touchpoints($after: String) {
      events(types: ["TouchpointRecorded"], first: 1000, after: $after) {
        edges { node { id stream metadata { source { sequence } } } } pageInfo { hasNextPage endCursor }
      }
    }`,
    {},
  );
  for await (const { id, stream, metadata } of events) {
    const sequence = metadata.source?.sequence;
    if (sequence != null) byStream.get(stream)?.touchpoints.set(sequence, id);
  }
  return places;
}

async function* pagesOf<T>(api: Api, name: string, query: string, variables: object): AsyncGenerator<T, void, void> {
  for (let after: string | null = null, more = true; more;) {
    const page: Page<T> = (await api.ask<Record<string, Page<T>>>(query, { ...variables, after }))[name]!;
    yield* page.edges.map((edge) => edge.node);
    more = page.pageInfo.hasNextPage;
    after = page.pageInfo.endCursor;
  }
}

const invalid = (what: string): TouchstoneError =>
  new TouchstoneError('CARE_INVALID', `What people noted cannot be recorded: ${what}.`, 'invalid');
