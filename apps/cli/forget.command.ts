import { Option, type Command } from 'commander';
import { TouchstoneError } from '@touchstone/eventing/pure';
import type { Api } from './api.js';
import { UsageError } from './cli-errors.js';
import { onServer, type Cli } from './cli.js';
import { withJson } from './options.js';
import { counted, indented, oneLine } from './text.js';

const HELP = `
Destroys the keys of everything personal that was ever recorded about the customer, and about everybody who was merged
with them. Figures stay as they are. It cannot be undone, so it is asked for on a terminal; elsewhere say --yes.

Examples:
  $ touchstone forget 0197e0c2-6b1f-7c3a-8a55-0f6e7b1a2c3d --reason "request of 2025-06-01" --basis PIPL-47
  $ touchstone forget 0197e0c2-6b1f-7c3a-8a55-0f6e7b1a2c3d --reason "request of 2025-06-01" --yes --json
  $ touchstone forget 0197e0c2-6b1f-7c3a-8a55-0f6e7b1a2c3d --receipt --lang zh`;

const RECEIPT =
  'customerIds completedAt position journeyCount keysDestroyed keysReleased quarantineRemoved importsRemoved repeatedAt remains { code en zh }';

interface Receipt {
  readonly customerIds: readonly string[];
  readonly completedAt: string;
  readonly position: string;
  readonly journeyCount: number;
  readonly keysDestroyed: number;
  readonly keysReleased: number;
  readonly quarantineRemoved: number;
  readonly importsRemoved: number;
  readonly repeatedAt: readonly string[];
  readonly remains: readonly { readonly code: string; readonly en: string; readonly zh: string }[];
}

interface Options {
  readonly reason?: string;
  readonly basis?: string;
  readonly yes?: boolean;
  readonly receipt?: boolean;
  readonly lang: 'en' | 'zh';
  readonly json?: boolean;
}

/** `touchstone forget` */
export function addForget(program: Command, cli: Cli): void {
  const command = program
    .command('forget')
    .description('Forget a person for good, or read again what was done.')
    .argument('<customer>', 'id of the customer')
    .option('--reason <text>', 'why, for the record; it stays readable, so name nobody')
    .option('--basis <code>', 'on which ground, such as GDPR-17')
    .option('--yes', 'do not ask')
    .option('--receipt', 'only show what was done before')
    .addOption(new Option('--lang <language>', 'of what is said to stay').choices(['en', 'zh']).default('en'))
    .addHelpText('after', HELP);
  withJson(command).action(async (customerId: string, options: Options) => {
    const { receipt: again, reason } = options;
    if (again && (reason !== undefined || options.yes))
      throw new UsageError('--receipt changes nothing: give it alone.');
    if (!again && reason === undefined) throw new UsageError('Say why with --reason.');
    if (!again && !options.yes && !cli.confirm) throw unasked();
    const receipt = await onServer(cli, command, { silent: options.json }, (api) =>
      again ? readReceipt(api, customerId) : forget(cli, api, customerId, options),
    );
    if (options.json) cli.out.json(receipt);
    else cli.out.print(receiptText(receipt, options.lang));
  });
}

async function forget(cli: Cli, api: Api, customerId: string, { reason, basis, yes }: Options): Promise<Receipt> {
  if (!yes && !(await cli.confirm!(await question(api, customerId)))) {
    throw new TouchstoneError('NOT_CONFIRMED', 'Nobody was forgotten. Answer yes, or give --yes.', 'refused');
  }
  const mutation = `mutation Forget($i: ForgetCustomerInput!) { forgetCustomer(input: $i) { ${RECEIPT} } }`;
  const answer = await api.ask<{ forgetCustomer: Receipt }>(mutation, { i: { customerId, reason, basis } });
  return answer.forgetCustomer;
}

/** Who it is, so that nobody forgets the wrong one by a slip in an id. */
async function question(api: Api, customerId: string): Promise<string> {
  const query = `query Who($id: ID!) { customer(by: { id: $id }) { name segment forgotten mergedInto mergedFrom } }`;
  type Who = { name: string | null; segment: string | null; forgotten: boolean; mergedInto: string | null };
  const { customer } = await api.ask<{ customer: Who & { mergedFrom: string[] } }>(query, { id: customerId });
  const about = [
    customer.forgotten ? 'forgotten already' : (customer.name ?? 'no name'),
    customer.segment ?? 'no segment',
  ];
  const others = customer.mergedFrom.length + (customer.mergedInto === null ? 0 : 1);
  const merged = others === 0 ? '' : ', and everybody who was merged with them';
  return `Forget ${customerId} (${oneLine(about.join(', '))})${merged}, for good? [yes/no] `;
}

async function readReceipt(api: Api, customerId: string): Promise<Receipt> {
  const query = `query Receipt($id: ID!) { forgettingReceipt(customerId: $id) { ${RECEIPT} } }`;
  const { forgettingReceipt } = await api.ask<{ forgettingReceipt: Receipt | null }>(query, { id: customerId });
  if (forgettingReceipt) return forgettingReceipt;
  const message = `The customer ${customerId} was not forgotten, or it is not finished yet.`;
  throw new TouchstoneError('RECEIPT_UNKNOWN', message, 'notFound');
}

/** The receipt for a reader. */
export function receiptText(receipt: Receipt, lang: 'en' | 'zh'): string {
  const { customerIds, journeyCount, repeatedAt, remains } = receipt;
  const lines = [
    `Forgotten at ${receipt.completedAt}, event ${receipt.position}: ${customerIds.join(', ')}`,
    `  ${counted(receipt.keysDestroyed, 'key')} destroyed, ${counted(receipt.keysReleased, 'identifier')} released`,
    `  ${counted(receipt.quarantineRemoved, 'record')} removed from quarantine, ` +
      `${counted(receipt.importsRemoved, 'interrupted import')} given up`,
    `  ${counted(journeyCount, 'journey')}, which ${journeyCount === 1 ? 'names' : 'name'} nobody any more`,
    ...repeatedAt.map((at) => `  keys that a restore had brought back were destroyed again at ${at}`),
    lang === 'zh' ? '仍然保留或无法从此处撤销：' : 'What stays, and what cannot be undone from here:',
    ...remains.map((each) => indented(`- ${lang === 'zh' ? each.zh : each.en}`)),
  ];
  return lines.join('\n');
}

const unasked = (): TouchstoneError =>
  new TouchstoneError(
    'CONFIRMATION_NEEDED',
    'This cannot be undone, and nobody is there to ask: give --yes.',
    'refused',
  );
