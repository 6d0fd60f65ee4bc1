/** What codes of moments and words of experience are called, as packs had it at a read's position. */
import { sql } from 'kysely';
import { heldAt, type Read } from '@touchstone/readmodel/query';

/** A code, or a word, as people say it; without a pack that names it, the code itself. */
export interface Named {
  readonly id: string;
  readonly nameEn: string;
  readonly nameZh: string | null;
}

/** Surrogates per statement. */
const PAGE = 500;

type MomentName = Named & { readonly counter: Named | null };

/**
 * Names and counterparts of moment codes by surrogate: as they were in force at the read's position, else as they were
 * published last.
 */
export async function momentNames(read: Read, codes: readonly number[]): Promise<ReadonlyMap<number, MomentName>> {
  const versions = await momentVersions(read, codes);
  const counters = new Map<string, number>();
  for (const counter of new Set([...versions.values()].map((version) => version.counter))) {
    const code = counter === null ? null : await read.idOf('moment', counter);
    if (code !== null) counters.set(counter!, code);
  }
  const answers = await momentVersions(read, [...counters.values()]);
  const ids = await read.namesOf([...codes, ...counters.values()]);
  const named = (code: number, version: MomentVersion | undefined): Named => {
    const id = ids.get(code)!;
    return { id, nameEn: version?.name_en ?? id, nameZh: version?.name_zh ?? null };
  };
  return new Map(
    codes.map((code) => {
      const version = versions.get(code);
      const counter = counters.get(version?.counter ?? '');
      return [
        code,
        { ...named(code, version), counter: counter === undefined ? null : named(counter, answers.get(counter)) },
      ];
    }),
  );
}

interface MomentVersion {
  moment: number;
  name_en: string;
  name_zh: string | null;
  counter: string | null;
}

async function momentVersions(read: Read, codes: readonly number[]): Promise<ReadonlyMap<number, MomentVersion>> {
  const found = new Map<number, MomentVersion>();
  const distinct = [...new Set(codes)];
  // What is in force comes last, and so stays.
  for (const inForce of [sql<boolean>`true`, heldAt(read, 'moment_version')]) {
    for (let i = 0; i < distinct.length; i += PAGE) {
      const rows = await read.db
        .selectFrom('moment_version')
        .select(['moment', 'name_en', 'name_zh', 'counter'])
        .where('moment', 'in', distinct.slice(i, i + PAGE))
        .where(inForce)
        .orderBy('from_pos')
        .execute();
      for (const row of rows as MomentVersion[]) found.set(row.moment, row);
    }
  }
  return found;
}

/** The words of ratings by surrogate: what is in force at the read's position comes before what was ever published. */
export async function labelNames(read: Read, used: readonly number[]): Promise<ReadonlyMap<number, Named>> {
  if (used.length === 0) return new Map();
  const words = new Map<string, Named>();
  for (const inForce of [sql<boolean>`true`, heldAt(read, 'pack_version')]) {
    const policies = await read.db
      .selectFrom('pack_version')
      .select('experience')
      .where('experience', 'is not', null)
      .where(inForce)
      // A pack of one's own comes before what ships.
      .orderBy('shipped', 'desc')
      .orderBy('from_pos')
      .execute();
    for (const { experience } of policies) {
      const { labels } = JSON.parse(experience as string) as { labels: { id: string; names: Names }[] };
      for (const { id, names } of labels) words.set(id, { id, nameEn: names.en, nameZh: names.zh ?? null });
    }
  }
  const ids = await read.namesOf(used);
  return new Map([...ids].map(([label, id]) => [label, words.get(id) ?? { id, nameEn: id, nameZh: null }] as const));
}

interface Names {
  en: string;
  zh?: string;
}
