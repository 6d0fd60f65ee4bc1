import type { Command } from 'commander';
import { onServer, type Cli } from './cli.js';
import { withJson } from './options.js';

const HELP = `
No fact is rewritten: from now on the journeys are seen as one (or as two), and in the past as they were then.

Examples:
  $ touchstone merge-journeys <absorbed> <survivor> --reason "the same fault"
  $ touchstone unmerge-journeys <absorbed> --reason "two buildings"
  $ touchstone split-journey <journey> <touchpoint> <touchpoint> --reason "a question about the bill"`;

interface Options {
  readonly reason: string;
  readonly to?: string;
  readonly json?: boolean;
}

/** `touchstone merge-journeys`, `unmerge-journeys` and `split-journey` */
export function addLinking(program: Command, cli: Cli): void {
  const merge = withReason(program.command('merge-journeys'))
    .description('Make a journey part of another one.')
    .argument('<absorbed>', 'id of the journey that is absorbed')
    .argument('<survivor>', 'id of the journey that stands for both');
  merge.action(async (journeyId: string, survivorId: string, { reason, json }: Options) => {
    const mutation = `mutation Merge($i: MergeJourneysInput!) { done: mergeJourneys(input: $i) { id revision position } }`;
    await say(merge, cli, mutation, { journeyId, survivorId, reason }, json, () => `${survivorId} stands for both.`);
  });
  const unmerge = withReason(program.command('unmerge-journeys'))
    .description('Take a merge of journeys back; no rule merges them again.')
    .argument('<absorbed>', 'id of the journey that was absorbed');
  unmerge.action(async (journeyId: string, { reason, json }: Options) => {
    const mutation = `mutation Unmerge($i: UnmergeJourneysInput!) { done: unmergeJourneys(input: $i) { id revision position } }`;
    await say(unmerge, cli, mutation, { journeyId, reason }, json, () => `${journeyId} stands for itself.`);
  });
  const split = withReason(program.command('split-journey'))
    .description('Move touchpoints of a journey to another one.')
    .argument('<journey>', 'id of the journey, as the timeline says of each touchpoint')
    .argument('<touchpoints...>', 'ids of the touchpoints')
    .option('--to <journey>', 'to this journey; default a new one, the same for a repeat');
  split.action(async (journeyId: string, touchpointIds: string[], { reason, to, json }: Options) => {
    const mutation = `mutation Split($i: SplitJourneyInput!) {
      done: splitJourney(input: $i) { id newJourneyId revision position }
    }`;
    const input = { journeyId, touchpointIds, newJourneyId: to, reason };
    await say(split, cli, mutation, input, json, (done) => `They are in the journey ${done.newJourneyId} now.`);
  });
}

const withReason = (command: Command): Command =>
  withJson(command)
    .requiredOption('--reason <text>', 'why, for the record; it stays readable, so name nobody')
    .addHelpText('after', HELP);

interface Done {
  readonly newJourneyId?: string;
}

async function say(
  command: Command,
  cli: Cli,
  mutation: string,
  input: object,
  json: boolean | undefined,
  text: (done: Done) => string,
): Promise<void> {
  const { done } = await onServer(cli, command, { silent: json }, (api) =>
    api.ask<{ done: Done }>(mutation, { i: input }),
  );
  if (json) cli.out.json(done);
  else cli.out.print(text(done));
}
