import { Option, type Command } from 'commander';
import { onServer, type Cli } from './cli.js';
import { withAsOf, withJson, type AsOf } from './options.js';
import { kindNames, timelineOf } from './timeline.js';
import { timelineText } from './timeline-text.js';
import { nameIn } from './observed-text.js';

const HELP = `
The times are those of the place where it happened. ▲ and ▼ are moments of truth, a mark for each step of intensity;
ratings go from −2 to +2, what was lived less what was expected. With --as-of the timeline reads as it did then, and says what was
corrected since.

Examples:
  $ touchstone timeline 3f0e0e9c-5d4b-5b1e-9b43-2f6f5f0b7a11
  $ touchstone timeline "helpdesk/customer=Value 1" --lang zh
  $ touchstone timeline 3f0e0e9c-5d4b-5b1e-9b43-2f6f5f0b7a11 --as-of 2024-05-01T08:00:00+08:00 --json`;

interface TimelineOptions {
  readonly asOf?: AsOf;
  readonly lang: 'en' | 'zh';
  readonly attributes?: boolean;
  readonly json?: boolean;
}

/** `touchstone timeline ID` */
export function addTimeline(program: Command, cli: Cli): void {
  const command = program
    .command('timeline')
    .description('What a journey, or a customer across journeys and channels, went through.')
    .argument('<id>', 'id of a journey or a customer, or type=value of a customer')
    .addOption(
      new Option('--lang <language>', 'names of kinds, moments and ratings').choices(['en', 'zh']).default('en'),
    )
    .option('--attributes', 'what else is known of each touchpoint')
    .addHelpText('after', HELP);
  withJson(withAsOf(command)).action(async (id: string, options: TimelineOptions) => {
    const { timeline, names } = await onServer(cli, command, { silent: options.json }, async (api) => ({
      timeline: await timelineOf(api, id, options.asOf),
      names: await kindNames(api),
    }));
    if (options.json) cli.out.json(timeline);
    else {
      const nameOf = (kind: string) => names.get(kind)?.[options.lang] ?? kind;
      cli.out.print(timelineText(timeline, { nameOf, named: nameIn(options.lang), attributes: options.attributes }));
    }
  });
}
