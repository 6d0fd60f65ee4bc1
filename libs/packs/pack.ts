/** A pack: the industry as data (touchpoint kinds, moments of truth), published in versions to the log. */
import { command, decider, event, refuse, t, type Decide, type EventOf, type Static } from '@touchstone/eventing/pure';
import { kindSchema, momentSchema, namesSchema } from './kind.js';

export const packStream = (pack: string) => `pack-${pack}`;

const bodySchema = t.object({
  names: namesSchema,
  kinds: t.array(kindSchema),
  moments: t.array(momentSchema),
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
    body: bodySchema,
  }),
);
export const PackRetired = event('PackRetired', t.object({ pack: t.id(), reason: t.text() }));
export type PackEvent = EventOf<typeof PackPublished | typeof PackRetired>;

export type Pack =
  { status: 'none' } | { status: 'published' | 'retired'; version: number; contentHash: string; body: PackBody };

export function evolve(pack: Pack, e: PackEvent): Pack {
  switch (e.type) {
    case 'PackPublished':
      return { status: 'published', version: e.data.version, contentHash: e.data.contentHash, body: e.data.body };
    case 'PackRetired':
      return pack.status === 'none' ? pack : { ...pack, status: 'retired' };
    default:
      return pack;
  }
}

export class PublishPack extends command<{
  pack: string;
  contentHash: string;
  /** ISO instant; default the time of the decision. */
  effectiveFrom?: string;
  body: PackBody;
  /** The body was made from this revision of the pack's stream. */
  expectedRevision?: number;
}>() {}

export class RetirePack extends command<{ pack: string; reason: string }>() {}

export const publishPack: Decide<PublishPack, Pack> = ({ pack, contentHash, effectiveFrom, body }, state, { now }) => {
  if (state.status === 'published' && state.contentHash === contentHash) return [];
  const ids = new Set<string>();
  for (const kind of body.kinds) {
    if (ids.has(kind.id)) refuse('KIND_TWICE', `The pack ${pack} names the kind ${kind.id} twice; keep one.`);
    ids.add(kind.id);
  }
  const version = state.status === 'none' ? 1 : state.version + 1;
  const from = effectiveFrom ?? now;
  return [PackPublished({ pack, version, contentHash, effectiveFrom: from, body }, { occurredAt: from })];
};

export const retirePack: Decide<RetirePack, Pack> = ({ pack, reason }, state) => {
  switch (state.status) {
    case 'none':
      return refuse('PACK_UNKNOWN', `No pack ${pack} was published; publish it first.`);
    case 'retired':
      return [];
    case 'published':
      return [PackRetired({ pack, reason })];
  }
};

export const packDecider = decider<Pack, PackEvent>(
  { name: 'pack', stream: packStream, initial: () => ({ status: 'none' }), evolve },
  (on) => [on(PublishPack, (c) => c.pack, publishPack), on(RetirePack, (c) => c.pack, retirePack)],
);
