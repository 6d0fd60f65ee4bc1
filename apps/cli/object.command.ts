import type { Command } from 'commander';
import { onServer, type Cli } from './cli.js';
import { withAsOf, withJson, withPaging, type AsOf, type Paging } from './options.js';
import { PAGE_INFO, printPage, type Page } from './page.js';
import { table } from './text.js';

const HELP = `
A thing that many share, such as an outage, a feeder or a meter. What happens to it is stored once and stands in the
timeline of everybody whom it concerned.

Examples:
  $ touchstone object outage O-2024-17
  $ touchstone object list --type meter --prefix 4700 --first 20
  $ touchstone object audience 3f0e0e9c-5d4b-5b1e-9b43-2f6f5f0b7a11 --first 50 --json`;

const SHOW = `query Object($of: ObjectKeyInput!, $asOf: AsOfInput, $first: Int, $after: String) {
  object(of: $of, asOf: $asOf) {
    type id attributes asOf { position instant }
    links(first: 20) { edges { node { object { type id } customerId qualifier conveys } } ${PAGE_INFO} }
    timeline(first: $first, after: $after) {
      edges { cursor node { id form occurredAt attributes linkCount
        fact { kind channel unit shared { factId audienceSize { size exact } } } } }
      ${PAGE_INFO}
    }
  }
}`;

const LIST = `query Objects($type: String, $idPrefix: String, $asOf: AsOfInput, $first: Int, $after: String) {
  objects(type: $type, idPrefix: $idPrefix, asOf: $asOf, first: $first, after: $after) {
    asOf { position instant } edges { cursor node { type id attributes } } ${PAGE_INFO}
  }
}`;

const AUDIENCE = `query Audience($id: ID!, $asOf: AsOfInput, $first: Int, $after: String) {
  objectFact(id: $id, asOf: $asOf) {
    shared { audience(first: $first, after: $after) {
      edges { cursor node { customerId listed forgotten customer { journeys(first: 3) {
        edges { node { id status } } pageInfo { hasNextPage } } } } }
      ${PAGE_INFO}
    } }
  }
}`;

interface Options extends Paging {
  readonly asOf?: AsOf;
  readonly json?: boolean;
}
interface Key {
  readonly type: string;
  readonly id: string;
}
type Attributes = Readonly<Record<string, unknown>>;
interface Entry {
  readonly id: string;
  readonly form: string;
  readonly occurredAt: string;
  readonly attributes: Attributes | null;
  readonly linkCount: number;
  readonly fact: {
    readonly kind: string;
    readonly unit: string | null;
    readonly shared: { readonly audienceSize: { readonly size: number; readonly exact: boolean } | null };
  } | null;
}
interface Link {
  readonly object: Key | null;
  readonly customerId: string | null;
  readonly qualifier: string | null;
  readonly conveys: boolean;
}
interface Shown extends Key {
  readonly attributes: Attributes;
  readonly asOf: object;
  readonly links: Page<Link>;
  readonly timeline: Page<Entry>;
}
interface Member {
  readonly customerId: string;
  readonly listed: boolean;
  readonly forgotten: boolean;
  readonly customer: {
    readonly journeys: Page<{ readonly id: string; readonly status: string }>;
  } | null;
}

/** `touchstone object`, `object list` and `object audience` */
export function addObject(program: Command, cli: Cli): void {
  const object = program
    .command('object')
    .description('A thing that many share: what is known of it, its facts, whom they concerned.')
    .addHelpText('after', HELP);
  addShow(object, cli);
  addList(object, cli);
  addAudience(object, cli);
}

function addShow(object: Command, cli: Cli): void {
  const show = object
    .command('show', { isDefault: true })
    .description('One object: attributes, links, and what happened to it, page by page.')
    .argument('<type>', 'its type, such as outage')
    .argument('<id>', 'its id in the system that knows it')
    .addHelpText('after', HELP);
  withJson(withAsOf(withPaging(show))).action(async (type: string, id: string, options: Options) => {
    const { asOf, first, after, json } = options;
    const variables = { of: { type, id }, asOf, first, after };
    const { object: found } = await onServer(cli, show, { silent: json }, (api) =>
      api.ask<{ object: Shown }>(SHOW, variables),
    );
    const { timeline, links, ...head } = found;
    const { hasNextPage, endCursor } = timeline.pageInfo;
    if (json) {
      cli.out.json({ ...head, links: nodes(links), moreLinks: links.pageInfo.hasNextPage, timeline: nodes(timeline), hasNextPage, endCursor }); // prettier-ignore
      return;
    }
    cli.out.print(`${type} ${id}${Object.keys(head.attributes).length > 0 ? `: ${said(head.attributes)}` : ''}`);
    for (const link of nodes(links)) cli.out.print(`  ${linkText(link)}`);
    if (links.pageInfo.hasNextPage) cli.out.print('  … and more links');
    if (timeline.edges.length === 0) return cli.out.note('Nothing happened to it.');
    cli.out.print(table(nodes(timeline), COLUMNS));
    if (hasNextPage) cli.out.note(`There is more: --after ${endCursor}`);
  });
}

const COLUMNS = [
  { head: 'when', of: (e: Entry) => e.occurredAt },
  { head: 'what', of: (e: Entry) => e.fact?.kind ?? e.form.toLowerCase() },
  { head: 'unit', of: (e: Entry) => e.fact?.unit ?? '-' },
  { head: 'concerns', of: (e: Entry) => concerns(e), right: true },
  { head: 'id', of: (e: Entry) => e.id },
];

function concerns({ fact, form, attributes, linkCount }: Entry): string {
  if (!fact) return form === 'CHANGED' ? said(attributes ?? {}) : `${linkCount} links`;
  const { audienceSize } = fact.shared;
  return audienceSize ? `${audienceSize.exact ? '' : 'over '}${audienceSize.size} customers` : '-';
}

function addList(object: Command, cli: Cli): void {
  const list = object
    .command('list')
    .description('Objects by type and id, page by page.')
    .option('--type <type>', 'only objects of this type')
    .option('--prefix <text>', 'only those whose id begins so; needs --type')
    .addHelpText('after', HELP);
  withJson(withAsOf(withPaging(list))).action(async (options: Options & { type?: string; prefix?: string }) => {
    const { type, prefix: idPrefix, asOf, first, after, json } = options;
    await printPage<Key & { attributes: Attributes }>(cli, list, {
      name: 'objects',
      query: LIST,
      variables: { type, idPrefix, asOf, first, after },
      none: 'No object answers to that.',
      json,
      columns: [
        { head: 'type', of: (o) => o.type },
        { head: 'id', of: (o) => o.id },
        { head: 'attributes', of: (o) => said(o.attributes), max: 60 },
      ],
    });
  });
}

function addAudience(object: Command, cli: Cli): void {
  const audience = object
    .command('audience')
    .description('Whom a fact of an object concerned, and their journeys, page by page.')
    .argument('<fact>', 'id of the fact')
    .addHelpText('after', HELP);
  withJson(withAsOf(withPaging(audience))).action(async (id: string, { asOf, first, after, json }: Options) => {
    const answer = await onServer(cli, audience, { silent: json }, (api) =>
      api.ask<{ objectFact: { shared: { audience: Page<Member> } } }>(AUDIENCE, { id, asOf, first, after }),
    );
    const page = answer.objectFact.shared.audience;
    const { hasNextPage, endCursor } = page.pageInfo;
    const members = nodes(page).map(({ customer, ...member }) => ({
      ...member,
      journeys: customer ? nodes(customer.journeys) : [],
      moreJourneys: customer?.journeys.pageInfo.hasNextPage ?? false,
    }));
    if (json) return cli.out.json({ audience: members, hasNextPage, endCursor });
    if (members.length === 0) return cli.out.note('It concerned nobody.');
    cli.out.print(
      table(members, [
        { head: 'customer', of: (m) => m.customerId },
        { head: 'how', of: (m) => (m.listed ? 'named' : 'linked') },
        { head: 'forgotten', of: (m) => (m.forgotten ? 'yes' : '') },
        { head: 'journeys', of: (m) => journeysText(m) },
      ]),
    );
    if (hasNextPage) cli.out.note(`There is more: --after ${endCursor}`);
  });
}

const nodes = <T>(page: Pick<Page<T>, 'edges'>): T[] => page.edges.map(({ node }) => node);

const said = (attributes: Attributes): string =>
  Object.entries(attributes)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');

const linkText = ({ object, customerId, qualifier, conveys }: Link): string =>
  `${conveys ? 'conveys to' : 'linked to'} ${object ? `${object.type} ${object.id}` : `customer ${customerId}`}${qualifier ? ` (${qualifier})` : ''}`;

const journeysText = ({
  journeys,
  moreJourneys,
}: {
  journeys: { id: string; status: string }[];
  moreJourneys: boolean;
}) =>
  `${journeys.map(({ id, status }) => `${id} (${status.toLowerCase()})`).join(' ')}${moreJourneys ? ' …' : ''}` || '-';
