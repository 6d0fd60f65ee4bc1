/** A pack: the industry as data (touchpoint kinds, moments of truth), published in versions to the log. */
import { command, decider, event, refuse, t, type Decide, type EventOf, type Static } from '@touchstone/eventing/pure';
import { checkCorrelation, correlationSchema } from './correlation-rule.js';
import {
  experienceSchema,
  kindSchema,
  momentSchema,
  namesSchema,
  type ExperiencePolicy,
  type KindSpec,
} from './kind.js';

export const packStream = (pack: string) => `pack-${pack}`;

/** Ids of the two nodes of a journey map that are no kind: a kind of that name could not be told from them. */
const RESERVED_KIND_IDS: ReadonlySet<string> = new Set(['other', 'still-open']);

const bodySchema = t.object({
  names: namesSchema,
  kinds: t.array(kindSchema),
  moments: t.array(momentSchema),
  experience: t.optional(experienceSchema),
  correlation: t.optional(t.array(correlationSchema, { maxItems: 500 })),
});
export type PackBody = Static<typeof bodySchema>;

export const PackPublished = event(
  'PackPublished',
  t.object({
    pack: t.id(),
    version: t.integer({ minimum: 1 }),
    /** SHA-256 of the body's canonical JSON, hex. */
    contentHash: t.text({ maxLength: 64 }),
    effectiveFrom: t.instant(),
    /** It came with the product: only the product changes it. */
    shipped: t.optional(t.flag()),
    body: bodySchema,
  }),
  // Version 2 may say more of moments, and how experience is put into words; version 3 may have rules of correlation.
  // What older versions say is read as it is.
  { version: 3, upcasters: { 1: (data) => data, 2: (data) => data } },
);
export const PackRetired = event('PackRetired', t.object({ pack: t.id(), reason: t.text() }));
export type PackEvent = EventOf<typeof PackPublished | typeof PackRetired>;

/** By kind: the attributes that were ever marked as personal. */
type Marks = ReadonlyMap<string, ReadonlySet<string>>;

export type Pack =
  | { status: 'none' }
  | { status: 'published' | 'retired'; version: number; contentHash: string; shipped: boolean; marks: Marks };

export function evolve(pack: Pack, e: PackEvent): Pack {
  switch (e.type) {
    case 'PackPublished': {
      const { version, contentHash, shipped = false, body } = e.data;
      const marks = withMarks(pack.status === 'none' ? new Map() : pack.marks, body.kinds);
      return { status: 'published', version, contentHash, shipped, marks };
    }
    case 'PackRetired':
      return pack.status === 'none' ? pack : { ...pack, status: 'retired' };
    default:
      return pack;
  }
}

function withMarks(marks: Marks, kinds: readonly KindSpec[]): Marks {
  const all = new Map(marks);
  for (const kind of kinds) {
    const names = personalAttributes(kind);
    if (names.length > 0) all.set(kind.id, new Set([...(all.get(kind.id) ?? []), ...names]));
  }
  return all;
}

/** Names of the kind's attributes that are about a person. */
export const personalAttributes = (kind: KindSpec): string[] =>
  Object.entries(kind.attributes ?? {}).flatMap(([name, spec]) => (spec.personal ? [name] : []));

export class PublishPack extends command<{
  pack: string;
  contentHash: string;
  /** ISO instant; default the time of the decision. */
  effectiveFrom?: string;
  /** The product publishes what it ships with. */
  shipped?: boolean;
  body: PackBody;
  /** The body was made from this revision of the pack's stream. */
  expectedRevision?: number;
}>() {}

export class RetirePack extends command<{ pack: string; reason: string }>() {}

export const publishPack: Decide<PublishPack, Pack> = (c, state, { now }) => {
  const { pack, contentHash, body, shipped = false } = c;
  if (state.status === 'published') {
    if (state.contentHash === contentHash && (state.shipped || !shipped)) return [];
    if (state.shipped && !shipped) refuseShipped(pack);
    if (shipped && !state.shipped) {
      refuse('PACK_TAKEN', `A pack ${pack} was published here before one shipped; retire it to get the shipped one.`);
    }
  }
  checkKinds(pack, body.kinds, state.status === 'none' ? new Map() : state.marks);
  refuseTwice(
    'MOMENT_TWICE',
    body.moments.map((m) => m.code),
    (code) => `The pack ${pack} names the moment ${code} twice; keep one.`,
  );
  checkExperience(pack, body.experience);
  checkCorrelation(pack, body.correlation);
  const version = state.status === 'none' ? 1 : state.version + 1;
  const effectiveFrom = c.effectiveFrom ?? now;
  const data = { pack, version, contentHash, effectiveFrom, ...(shipped && { shipped }), body };
  return [PackPublished(data, { occurredAt: effectiveFrom })];
};

function checkKinds(pack: string, kinds: readonly KindSpec[], marks: Marks): void {
  refuseTwice(
    'KIND_TWICE',
    kinds.map((kind) => kind.id),
    (id) => `The pack ${pack} names the kind ${id} twice; keep one.`,
  );
  for (const kind of kinds) {
    if (RESERVED_KIND_IDS.has(kind.id)) {
      refuse('KIND_ID_RESERVED', `"${kind.id}" is the name of a node of every journey map; give the kind another id.`);
    }
    const personal = new Set(personalAttributes(kind));
    for (const name of marks.get(kind.id) ?? []) {
      if (personal.has(name)) continue;
      const message = `The attribute ${name} of the kind ${kind.id} is about a person; publish it with personal: true, as before.`;
      refuse('PERSONAL_MARK_DROPPED', message);
    }
  }
}

const GAPS = [-2, -1, 0, 1, 2];

/** Every gap needs exactly one word. */
function checkExperience(pack: string, experience: ExperiencePolicy | undefined): void {
  if (!experience) return;
  const wrong = (fault: string): never =>
    refuse('EXPERIENCE_LABELS_INVALID', `The experience labels of the pack ${pack} ${fault}.`);
  refuseTwice(
    'EXPERIENCE_LABELS_INVALID',
    experience.labels.map((label) => label.id),
    (id) => `The pack ${pack} names the experience label ${id} twice; keep one, from its lowest gap to its highest.`,
  );
  const reversed = experience.labels.find(({ from, to }) => from > to);
  if (reversed) wrong(`say that ${reversed.id} goes from ${reversed.from} to ${reversed.to}; put the lower gap first`);
  for (const gap of GAPS) {
    const [first, second] = experience.labels.filter(({ from, to }) => from <= gap && gap <= to);
    if (!first) wrong(`have no word for the gap ${gap}; every value from -2 to 2 needs one`);
    else if (second) wrong(`have two words for the gap ${gap}, ${first.id} and ${second.id}; keep one`);
  }
}

/** Refuses with `code` and the message of the first id that stands there a second time. */
export function refuseTwice(code: string, ids: readonly string[], message: (id: string) => string): void {
  const seen = new Set<string>();
  for (const id of ids) {
    if (seen.has(id)) refuse(code, message(id));
    seen.add(id);
  }
}

export const retirePack: Decide<RetirePack, Pack> = ({ pack, reason }, state) => {
  switch (state.status) {
    case 'none':
      return refuse('PACK_UNKNOWN', `No pack ${pack} was published; publish it first.`);
    case 'retired':
      return [];
    case 'published':
      return state.shipped ? refuseShipped(pack) : [PackRetired({ pack, reason })];
  }
};

function refuseShipped(pack: string): never {
  return refuse(
    'PACK_SHIPPED',
    `The pack ${pack} ships with the product and changes with it only; publish your kinds in a pack of your own.`,
  );
}

export const packDecider = decider<Pack, PackEvent>(
  { name: 'pack', stream: packStream, initial: () => ({ status: 'none' }), evolve },
  (on) => [on(PublishPack, (c) => c.pack, publishPack), on(RetirePack, (c) => c.pack, retirePack)],
);
