import { Option, type Command } from 'commander';
import type { Cli } from './cli.js';
import { MOMENT, type Moment } from './observed.js';
import { nameIn } from './observed-text.js';
import { instant, withAsOf, withJson, withPaging, type AsOf, type Paging } from './options.js';
import { PAGE_INFO, printPage } from './page.js';

const HELP = `
In the order in which they happened, the newest last. ▲ and ▼ stand for positive and negative, a mark for each step of
intensity; the coaching column names the positive moment that answers a negative one.

Examples:
  $ touchstone moments --polarity negative --unit hotline-east
  $ touchstone moments --code NEG-S3 --from 2025-07-01T00:00:00+08:00 --json
  $ touchstone moments --observer qa --retracted --lang zh`;

const QUERY = `query Moments($filter: MomentFilterInput, $asOf: AsOfInput, $first: Int, $after: String) {
  moments(filter: $filter, asOf: $asOf, first: $first, after: $after) {
    asOf { position instant }
    edges {
      cursor
      node { ${MOMENT} journeyId journeyType customerId touchpoint { occurredAt kind channel unit staff } }
    }
    ${PAGE_INFO}
  }
}`;

type LedgerMoment = Moment & {
  readonly journeyId: string;
  readonly touchpoint: { readonly kind: string | null; readonly unit: string | null } | null;
};

interface Options extends Paging {
  readonly code?: string;
  readonly polarity?: string;
  readonly observer?: string;
  readonly journeyType?: string;
  readonly customer?: string;
  readonly unit?: string;
  readonly from?: string;
  readonly to?: string;
  readonly retracted?: boolean;
  readonly lang: 'en' | 'zh';
  readonly asOf?: AsOf;
  readonly json?: boolean;
}

/** `touchstone moments` */
export function addMoments(program: Command, cli: Cli): void {
  const command = program
    .command('moments')
    .description('The ledger of moments of truth, page by page.')
    .option('--code <code>', 'moments of this code')
    .addOption(new Option('--polarity <polarity>', 'against the company or for it').choices(['negative', 'positive']))
    .addOption(new Option('--observer <who>', 'observed by').choices(['customer', 'qa', 'auditor', 'staff', 'rule']))
    .option('--journey-type <name>', 'in journeys of this type')
    .option('--customer <id>', 'in journeys of this customer')
    .option('--unit <name>', 'at touchpoints of this unit')
    .addOption(new Option('--from <instant>', 'at or after this').argParser(instant))
    .addOption(new Option('--to <instant>', 'before this').argParser(instant))
    .option('--retracted', 'those that were taken back, too')
    .addOption(new Option('--lang <language>', 'names of moments').choices(['en', 'zh']).default('en'))
    .addHelpText('after', HELP);
  withJson(withAsOf(withPaging(command))).action(async (options: Options) => {
    const { asOf, first, after, json, lang } = options;
    const nameOf = nameIn(lang);
    await printPage<LedgerMoment>(cli, command, {
      name: 'moments',
      query: QUERY,
      variables: { filter: filterOf(options), asOf, first, after },
      none: 'No moment answers to that.',
      json,
      columns: [
        { head: 'occurred', of: (m) => m.occurredAt },
        { head: '', of: (m) => (m.polarity === 'negative' ? '▼' : '▲').repeat(m.intensity) },
        { head: 'code', of: (m) => m.code },
        {
          head: 'name',
          of: (m) => `${nameOf(m)}${m.retracted ? ` [taken back: ${m.retracted.reason}]` : ''}`,
          max: 56,
        },
        { head: 'by', of: (m) => (m.rule ? `rule, version ${m.rule.version}` : m.observer) },
        { head: 'at', of: (m) => m.touchpoint?.kind ?? '-', max: 28 },
        { head: 'unit', of: (m) => m.touchpoint?.unit ?? '-', max: 20 },
        { head: 'coaching', of: (m) => (m.counterpart ? `${m.counterpart.code} ${nameOf(m.counterpart)}` : '') },
        { head: 'journey', of: (m) => m.journeyId },
        { head: 'id', of: (m) => m.id },
      ],
    });
  });
}

const filterOf = (o: Options): Record<string, string | boolean | undefined> => ({
  code: o.code,
  polarity: o.polarity,
  observer: o.observer,
  journeyType: o.journeyType,
  customerId: o.customer,
  unit: o.unit,
  from: o.from,
  to: o.to,
  includeRetracted: o.retracted,
});
