import { TouchstoneError } from '@touchstone/eventing';
import type { AttributeSpec, KindSpec, PackCatalogue, PackContent } from '@touchstone/packs';
import type { XesMappingOptions } from './xes-options.js';
import { dateFault, type Json, type JsonObject } from './xes-value.js';
import { TRACE_KEY } from './xes.js';

/** Kinds one file may bring: more activities than this are values of a free text, not activities. */
const MOST_KINDS = 2_000;
/** Attribute descriptions of all kinds together, so that the pack stays well below the size of one event. */
const MOST_SPECS = 5_000;

type KindOptions = Pick<XesMappingOptions, 'journeyType' | 'kinds' | 'closes' | 'contacts'>;
type Type = AttributeSpec['type'];

interface Seen {
  readonly activity: string;
  readonly attributes: Map<string, Type>;
  readonly personal: Map<string, Type>;
}

/** The activities of a log as touchpoint kinds, with the types their attributes were seen to have. */
export class ImportedKinds {
  private readonly seen = new Map<string, Seen>();
  private readonly closes: ReadonlySet<string>;
  private readonly contacts: ReadonlySet<string>;
  private readonly ids = new Map<string, string>();
  /** Kinds of others that events name themselves. */
  private readonly named = new Set<string>();

  constructor(private readonly options: KindOptions) {
    this.closes = new Set(options.closes === 'all' ? [] : options.closes);
    this.contacts = new Set(options.contacts);
  }

  /** The id of the activity's kind: the mapped one, else the one that the event itself names, else one of the log's own. */
  id(activity: string, named?: string): string {
    if (named !== undefined && !this.isMapped(activity)) {
      if (this.named.size >= MOST_KINDS) throw tooMany();
      this.named.add(named);
      return named;
    }
    let id = this.ids.get(activity);
    if (id === undefined) {
      const { kinds, journeyType } = this.options;
      const mapped = kinds && Object.hasOwn(kinds, activity) ? kinds[activity] : undefined;
      id = mapped ?? `${journeyType}:${activity}`;
      if (this.ids.size >= MOST_KINDS) throw tooMany();
      this.ids.set(activity, id);
      if (mapped === undefined) this.seen.set(id, { activity, attributes: new Map(), personal: new Map() });
    }
    return id;
  }

  isMapped(activity: string): boolean {
    return this.options.kinds !== undefined && Object.hasOwn(this.options.kinds, activity);
  }

  observe(id: string, attributes: JsonObject, personal: JsonObject): void {
    const seen = this.seen.get(id);
    if (!seen) return;
    note(seen.attributes, attributes);
    note(seen.personal, personal);
  }

  /** Activities that were met. */
  get activities(): ReadonlySet<string> {
    return new Set(this.ids.keys());
  }

  /** Kinds of others that the mapping names for activities that were met. */
  mapped(): string[] {
    return [...[...this.ids].filter(([activity]) => this.isMapped(activity)).map(([, id]) => id), ...this.named];
  }

  /** The kinds to publish, sorted by id. */
  specs(): KindSpec[] {
    const specs = [...this.seen.values()].reduce((sum, s) => sum + s.attributes.size + s.personal.size, 0);
    return [...this.seen]
      .map(([id, seen]) => ({
        id,
        names: { en: seen.activity },
        traits: this.traits(seen.activity),
        ...(specs <= MOST_SPECS && { attributes: attributeSpecs(seen) }),
      }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  private traits(activity: string): KindSpec['traits'] {
    return {
      closes: this.options.closes === 'all' || this.closes.has(activity),
      contact: this.contacts.has(activity),
      // A log does not say what the customer noticed of it, and not being a contact does not say that nothing was.
      customerVisible: true,
    };
  }
}

/** The pack that holds the activities of imports of a journey type, with these among them. */
export const importedPack = (
  journeyType: string,
  kinds: readonly KindSpec[],
  published: Pick<PackCatalogue, 'has' | 'kind'>,
): PackContent => ({
  pack: `import-${journeyType}`,
  names: { en: `Activities of the imported log ${journeyType}` },
  kinds: kinds.map((kind) => mergedKind(kind, published.has(kind.id) ? published.kind(kind.id) : undefined)),
});

/**
 * The kind with what is already published of it: an attribute seen with two types has any. So importing several files
 * of one journey type settles, whatever their order.
 */
export function mergedKind(kind: KindSpec, published: KindSpec | undefined): KindSpec {
  if (!published?.attributes || !kind.attributes) return kind;
  const attributes: Record<string, AttributeSpec> = { ...published.attributes };
  for (const [name, spec] of Object.entries(kind.attributes)) {
    const before = attributes[name];
    attributes[name] = before ? { ...spec, type: joined(before.type, spec.type) } : spec;
  }
  return { ...kind, attributes };
}

function note(types: Map<string, Type>, values: JsonObject): void {
  for (const key of Object.keys(values)) {
    // The trace's attributes join the first event later, whatever that has under their key.
    if (key === TRACE_KEY) continue;
    const before = types.get(key);
    const type = typeOf(values[key]!, before);
    if (before !== type) types.set(key, before === undefined ? type : joined(before, type));
  }
}

function typeOf(value: Json, before: Type | undefined): Type {
  switch (typeof value) {
    case 'number':
      return 'number';
    case 'boolean':
      return 'flag';
    case 'string':
      // Only a text that was a date so far can still be one, so other texts are not looked at.
      return (before === undefined || before === 'instant') && dateFault(value) === 'none' ? 'instant' : 'text';
    default:
      return 'json';
  }
}

function joined(a: Type, b: Type): Type {
  if (a === b) return a;
  return (a === 'text' && b === 'instant') || (a === 'instant' && b === 'text') ? 'text' : 'json';
}

function attributeSpecs({ attributes, personal }: Seen): Record<string, AttributeSpec> {
  const specs: [string, AttributeSpec][] = [
    ...[...attributes].map(([key, type]): [string, AttributeSpec] => [key, { type }]),
    ...[...personal].map(([key, type]): [string, AttributeSpec] => [key, { type, personal: true }]),
  ];
  return Object.fromEntries(specs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const tooMany = (): TouchstoneError =>
  new TouchstoneError(
    'TOO_MANY_ACTIVITIES',
    `The file has more than ${MOST_KINDS} activities: name another attribute (--activity) or column for the activity.`,
    'limit',
  );
