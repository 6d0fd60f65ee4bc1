import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { MappingProposal } from '@touchstone/interchange';
import { TouchstoneError } from '@touchstone/eventing/pure';
import type { Cli } from './cli.js';
import { UsageError } from './cli-errors.js';
import { importFileOf } from './import-file.js';
import { journeyTypeOf } from './import-options.js';
import { withJson } from './options.js';

const HELP = `
Looks at the first 20,000 rows only and talks to no server. What it proposes is to be read over: a comment at each line
says why, and CHECK marks what the file does not tell. \`touchstone import FILE --mapping mapping.yaml --dry-run\` then shows
what would be taken in.

Examples:
  $ touchstone map-columns incidents.csv
  $ touchstone map-columns incidents.csv.gz --zone Asia/Shanghai --out mapping.yaml`;

interface Flags {
  readonly journeyType?: string;
  readonly zone?: string;
  readonly encoding?: string;
  readonly out?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `touchstone map-columns FILE` */
export function addMapColumns(program: Command, cli: Cli): void {
  const command = program
    .command('map-columns')
    .description('Propose how a table (CSV, plain or gzip) is to be read, from a sample of it.')
    .argument('<file>', 'the table')
    .option('--journey-type <name>', 'type of its journeys (default: the name of the file)')
    .option('--zone <name>', 'IANA zone of times without an offset, such as Asia/Shanghai')
    .option('--encoding <name>', 'of a file that is not UTF-8 (default: found)')
    .option('--out <file>', 'write the mapping there; a file that is there already stays')
    .option('--force', 'with --out: replace it')
    .addHelpText('after', HELP);
  withJson(command).action(async (path: string, flags: Flags) => {
    if (flags.force && flags.out === undefined)
      throw new UsageError('--force goes with --out: name a file to replace.');
    const file = await importFileOf(path);
    // Loaded here only: no other command needs more than the types.
    const { isZone, proposalText, proposedMapping, proposeMapping } = await import('@touchstone/interchange');
    if (flags.zone !== undefined && !isZone(flags.zone)) {
      throw new UsageError(`"${flags.zone}" is no time zone; give an IANA name such as Asia/Shanghai.`);
    }
    const proposal = await proposeMapping(() => file.open(), {
      journeyType: flags.journeyType ?? journeyTypeOf(path),
      zone: flags.zone,
      file: flags.encoding === undefined ? undefined : { encoding: flags.encoding },
    });
    const text = proposalText(proposal);
    if (flags.out !== undefined) await written(flags.out, text, flags.force ?? false);
    if (flags.json) cli.out.json({ mapping: proposedMapping(proposal), ...evidence(proposal) });
    else if (flags.out === undefined) cli.out.print(text.trimEnd());
    else
      cli.out.print(
        `Proposed: ${flags.out}. Read it over, then: touchstone import ${path} --mapping ${flags.out} --dry-run`,
      );
  });
}

/** What the proposal rests on, without the values of columns that may be about people. */
const evidence = ({ sample, header, encoding, columns }: MappingProposal) => ({
  sample,
  dialect: { ...header.dialect, encoding: encoding ?? 'utf-8' },
  columns: columns.map(({ name, type, filled, distinct, format, otherOrder, looksLike }) => ({
    name,
    type,
    filled,
    distinct,
    format,
    otherOrder,
    looksLike,
  })),
});

async function written(path: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(path, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      throw new TouchstoneError(
        'FILE_EXISTS',
        `${path} is there already: name another file, or add --force.`,
        'conflict',
      );
    }
    throw new TouchstoneError('FILE_UNWRITABLE', `${path} cannot be written (${code ?? message}).`, 'invalid');
  }
}
