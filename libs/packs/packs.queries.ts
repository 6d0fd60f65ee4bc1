import { heldAt, type ReadQuery } from '@touchstone/readmodel/query';
import type { CorrelationRule } from './correlation-rule.js';
import type { AttributeSpec, ExperiencePolicy, MomentSpec, Names, Traits } from './kind.js';

export interface KindRow {
  readonly id: string;
  readonly pack: string;
  readonly version: number;
  readonly nameEn: string;
  readonly nameZh: string | null;
  readonly traits: Traits;
  /** By name. */
  readonly attributes: readonly KindAttributeRow[];
}

export interface KindAttributeRow {
  readonly name: string;
  readonly type: AttributeSpec['type'];
  readonly personal: boolean;
  readonly required: boolean;
}

export interface MomentRow {
  readonly code: string;
  readonly pack: string;
  readonly polarity: MomentSpec['polarity'];
  readonly nameEn: string;
  readonly nameZh: string | null;
  readonly counter: string | null;
  readonly description: Names | null;
  readonly rule: boolean;
}

/** The words for experience that hold, and the edition of the pack that has them. */
export interface ExperienceRow extends ExperiencePolicy {
  readonly pack: string;
  readonly version: number;
}

export interface PackRow {
  readonly id: string;
  readonly version: number;
  readonly contentHash: string;
  readonly effectiveFrom: string;
  readonly retired: boolean;
  readonly shipped: boolean;
  readonly names: { en: string; zh?: string };
  readonly correlation: readonly CorrelationRule[];
}

/** Page of a list ordered by name; `after` is the last name of the page before. */
export interface NamePage {
  readonly after?: string;
  readonly first: number;
}

export const packsQuery: ReadQuery<NamePage, PackRow[]> = {
  name: 'packs',
  group: 'journeys',
  run: async (read, { after = '', first }) => {
    const rows = await read.db
      .selectFrom('pack_version')
      .innerJoin('name', 'name.id', 'pack_version.pack')
      .select([
        'name.value as id',
        'version',
        'content_hash',
        'effective_from',
        'retired',
        'shipped',
        'names',
        'correlation',
      ])
      .where(heldAt(read, 'pack_version'))
      .where('name.value', '>', after)
      .orderBy('name.value')
      .limit(first)
      .execute();
    return rows.map((row) => ({
      id: row.id,
      version: row.version,
      contentHash: row.content_hash,
      effectiveFrom: row.effective_from,
      retired: row.retired === 1,
      shipped: row.shipped === 1,
      names: JSON.parse(row.names) as PackRow['names'],
      correlation: JSON.parse(row.correlation ?? '[]') as CorrelationRule[],
    }));
  },
};

export const kindsQuery: ReadQuery<NamePage & { pack?: string; ids?: readonly string[] }, KindRow[]> = {
  name: 'kinds',
  group: 'journeys',
  run: async (read, { after = '', first, pack, ids }) => {
    let query = read.db
      .selectFrom('kind_version')
      .innerJoin('name', 'name.id', 'kind_version.kind')
      .innerJoin('name as holder', 'holder.id', 'kind_version.pack')
      .select(['name.value as id', 'holder.value as pack', 'version', 'name_en', 'name_zh', 'traits', 'attributes'])
      .where(heldAt(read, 'kind_version'))
      .where('name.value', '>', after);
    if (pack !== undefined) query = query.where('holder.value', '=', pack);
    if (ids) query = query.where('name.value', 'in', [...ids]);
    const rows = await query.orderBy('name.value').limit(first).execute();
    return rows.map((row) => ({
      id: row.id,
      pack: row.pack,
      version: row.version,
      nameEn: row.name_en,
      nameZh: row.name_zh,
      traits: JSON.parse(row.traits) as Traits,
      attributes: JSON.parse(row.attributes) as KindAttributeRow[],
    }));
  },
};

export const momentsQuery: ReadQuery<NamePage, MomentRow[]> = {
  name: 'moments',
  group: 'journeys',
  run: async (read, { after = '', first }) => {
    const rows = await read.db
      .selectFrom('moment_version')
      .innerJoin('name', 'name.id', 'moment_version.moment')
      .innerJoin('name as holder', 'holder.id', 'moment_version.pack')
      .select([
        'name.value as code',
        'holder.value as pack',
        'polarity',
        'name_en',
        'name_zh',
        'counter',
        'description',
        'rule',
      ])
      .where(heldAt(read, 'moment_version'))
      .where('name.value', '>', after)
      .orderBy('name.value')
      .limit(first)
      .execute();
    return rows.map((row) => ({
      code: row.code,
      pack: row.pack,
      polarity: row.polarity,
      nameEn: row.name_en,
      nameZh: row.name_zh,
      counter: row.counter,
      description: row.description === null ? null : (JSON.parse(row.description) as Names),
      rule: row.rule === 1,
    }));
  },
};

/** Null where no pack in force has any. A pack of one's own comes before what ships, then the id decides. */
export const experienceQuery: ReadQuery<Readonly<Record<string, never>>, ExperienceRow | null> = {
  name: 'experience',
  group: 'journeys',
  run: async (read) => {
    const row = await read.db
      .selectFrom('pack_version')
      .innerJoin('name', 'name.id', 'pack_version.pack')
      .select(['name.value as pack', 'version', 'experience'])
      .where(heldAt(read, 'pack_version'))
      .where('retired', '=', 0)
      .where('experience', 'is not', null)
      .orderBy('shipped')
      .orderBy('name.value')
      .limit(1)
      .executeTakeFirst();
    if (!row) return null;
    const { labels } = JSON.parse(row.experience) as ExperiencePolicy;
    return { pack: row.pack, version: row.version, labels };
  },
};
