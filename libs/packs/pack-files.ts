import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { TouchstoneError } from '@touchstone/eventing';
import type { PackContent } from './pack-body.js';
import { PackPublished } from './pack.js';

const shipped = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './data/' : '../data/', import.meta.url));

/** The packs that ship with the product, one YAML file each. */
export async function shippedPacks(): Promise<PackContent[]> {
  const files = (await readdir(shipped)).filter((f) => f.endsWith('.yaml')).sort();
  return Promise.all(files.map((file) => readPackFile(join(shipped, file))));
}

/**
 * Reads a pack file: `pack`, `names`, `kinds` (id: {names, closes?, contact?, visible?, actor?, stage?, attributes?})
 * and `moments` (code: {polarity, names, counter?}).
 * @throws PACK_FILE_INVALID with what is wrong in it
 */
export async function readPackFile(file: string): Promise<PackContent> {
  const raw = parse(await readFile(file, 'utf8')) as RawPack;
  const content: PackContent = {
    pack: raw.pack,
    names: raw.names,
    kinds: Object.entries(raw.kinds ?? {}).map(([id, kind]) => ({
      id,
      names: kind.names,
      traits: {
        closes: kind.closes ?? false,
        contact: kind.contact ?? false,
        customerVisible: kind.visible ?? true,
        ...(kind.actor !== undefined && { actor: kind.actor }),
        ...(kind.stage !== undefined && { stage: kind.stage }),
      },
      ...(kind.attributes && { attributes: kind.attributes }),
    })),
    moments: Object.entries(raw.moments ?? {}).map(([code, moment]) => ({ code, ...moment })),
  };
  const body = { names: content.names, kinds: content.kinds, moments: content.moments };
  const fault = PackPublished.fault({
    pack: raw.pack,
    version: 1,
    contentHash: '',
    effectiveFrom: '2000-01-01T00:00:00Z',
    body,
  });
  if (fault)
    throw new TouchstoneError(
      'PACK_FILE_INVALID',
      `The pack file ${file} has not the shape of a pack: ${fault}.`,
      'invalid',
    );
  return content;
}

interface RawPack {
  pack: string;
  names: PackContent['names'];
  kinds?: Record<string, RawKind>;
  moments?: Record<string, Omit<NonNullable<PackContent['moments']>[number], 'code'>>;
}

interface RawKind {
  names: PackContent['names'];
  closes?: boolean;
  contact?: boolean;
  visible?: boolean;
  actor?: 'customer' | 'staff' | 'system';
  stage?: string;
  attributes?: PackContent['kinds'][number]['attributes'];
}
