import type { Command } from 'commander';
import { TouchstoneError } from '@touchstone/eventing/pure';
import type { Api } from './api.js';
import { onServer, type Cli } from './cli.js';
import { withJson } from './options.js';
import { duration, number, table } from './text.js';

const FIELDS = `group generation state checkpoint head lag parked skipped eventsPerSecond cause
  building { generation phase events eventsPerSecond cause }`;

export interface Projection {
  readonly group: string;
  readonly generation: string;
  readonly state: string;
  readonly checkpoint: string | null;
  readonly head: string | null;
  /** Milliseconds behind the log. */
  readonly lag: number;
  readonly parked: number;
  readonly skipped: number;
  readonly eventsPerSecond: number;
  readonly cause: string | null;
  readonly building: { readonly generation: string; readonly phase: string; readonly events: number } | null;
}

/** How often a rebuild is looked at, in ms. */
const LOOK_MS = 250;

/** `touchstone projections` and `touchstone rebuild [GROUP]` */
export function addProjections(program: Command, cli: Cli): void {
  const projections = program
    .command('projections')
    .description('How the read models follow the log.')
    .addHelpText('after', '\nExamples:\n  $ touchstone projections\n  $ touchstone projections --json');
  withJson(projections).action(async ({ json }: { json?: boolean }) => {
    const list = await onServer(cli, projections, { lagging: true }, listOf);
    if (json) cli.out.json({ projections: list });
    else cli.out.print(projectionsText(list));
  });

  const rebuild = program
    .command('rebuild')
    .description('Build read models anew from the whole log, beside those that answer, and swap them.')
    .argument('[group]', 'one group of read models (default: all)')
    .addHelpText('after', '\nExamples:\n  $ touchstone rebuild\n  $ touchstone rebuild journeys --json');
  withJson(rebuild).action(async (group: string | undefined, { json }: { json?: boolean }) => {
    const list = await onServer(cli, rebuild, { silent: json }, (api) => rebuilt(cli, api, group, json ?? false));
    if (json) cli.out.json({ projections: list });
    else cli.out.print(projectionsText(list));
  });
}

const listOf = async (api: Api): Promise<readonly Projection[]> =>
  (await api.ask<{ projections: Projection[] }>(`{ projections { ${FIELDS} } }`)).projections;

async function rebuilt(cli: Cli, api: Api, group: string | undefined, silent: boolean): Promise<readonly Projection[]> {
  const all = await listOf(api);
  const names = all.map((projection) => projection.group);
  if (group !== undefined && !names.includes(group)) {
    throw new TouchstoneError(
      'GROUP_UNKNOWN',
      `There is no group of read models "${group}": there are ${names.join(', ')}.`,
      'notFound',
    );
  }
  const done: Projection[] = [];
  for (const name of group === undefined ? names : [group]) done.push(await rebuiltGroup(cli, api, name, silent));
  return done;
}

async function rebuiltGroup(cli: Cli, api: Api, group: string, silent: boolean): Promise<Projection> {
  const progress = cli.out.progress(silent);
  const looking = setInterval(() => {
    listOf(api).then(
      (list) => {
        const building = list.find((projection) => projection.group === group)?.building;
        if (!building) return;
        const { generation, phase, events } = building;
        const detail = `${generation}: ${phase}, ${number(events)} events`;
        progress.show({ label: 'Rebuilding', done: events, detail });
      },
      // The rebuild itself says what is wrong.
      () => undefined,
    );
  }, LOOK_MS);
  try {
    const { rebuildProjection } = await api.ask<{ rebuildProjection: Projection }>(
      `mutation Rebuild($group: String!) { rebuildProjection(group: $group) { ${FIELDS} } }`,
      { group },
    );
    return rebuildProjection;
  } finally {
    clearInterval(looking);
    progress.done();
  }
}

export function projectionsText(list: readonly Projection[]): string {
  const rows = table(list, [
    { head: 'group', of: (p) => p.group },
    { head: 'generation', of: (p) => p.generation },
    { head: 'state', of: (p) => p.state.toLowerCase().replace('_', ' ') },
    { head: 'checkpoint', of: (p) => p.checkpoint ?? '-' },
    { head: 'head', of: (p) => p.head ?? '-' },
    { head: 'behind', of: (p) => (p.lag === 0 ? '-' : duration(p.lag)), right: true },
    { head: 'parked', of: (p) => number(p.parked), right: true },
    { head: 'skipped', of: (p) => number(p.skipped), right: true },
  ]);
  const causes = list.flatMap(({ group, cause }) => (cause === null ? [] : [`${group}: ${cause}`]));
  return [rows, ...causes].join('\n');
}
