import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LineCounter, parseDocument } from 'yaml';
import { TouchstoneError } from '@touchstone/eventing';
import type { PackContent } from './pack-body.js';
import { packFileFault } from './pack-file-shape.js';
import { PackPublished } from './pack.js';

const shipped = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './data/' : '../data/', import.meta.url));

/** The packs that ship with the product, one YAML file each. */
export async function shippedPacks(): Promise<PackContent[]> {
  const files = (await readdir(shipped)).filter((f) => f.endsWith('.yaml')).sort();
  return Promise.all(files.map((file) => readPackFile(join(shipped, file))));
}

/**
 * Reads a pack file: `pack`, `names`, `kinds` (id: {names, closes?, contact?, visible?, actor?, stage?, attributes?}),
 * `moments` (code: {polarity, names, counter?, description?, rule?}) and `experience` ({labels: [{id, names, from, to}]}).
 * @throws PACK_FILE_INVALID with file, line and what is wrong there: an unknown key is refused, not passed over
 */
export async function readPackFile(file: string): Promise<PackContent> {
  const raw = parsed(file, await readFile(file, 'utf8'));
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
    ...(raw.experience !== undefined && { experience: raw.experience }),
  };
  const { pack: _id, ...body } = content;
  const fault = PackPublished.fault({
    pack: raw.pack,
    version: 1,
    contentHash: '',
    effectiveFrom: '2000-01-01T00:00:00Z',
    body,
  });
  if (fault) throw invalid(file, fault);
  return content;
}

function parsed(file: string, text: string): RawPack {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error) throw invalid(file, `line ${lines.linePos(error.pos[0]).line}: ${error.message}`);
  const fault = packFileFault(document, lines);
  if (fault !== null) throw invalid(file, fault);
  return document.toJS() as RawPack;
}

const invalid = (file: string, fault: string) =>
  new TouchstoneError('PACK_FILE_INVALID', `The pack file ${file} has not the shape of a pack: ${fault}.`, 'invalid');

interface RawPack {
  pack: string;
  names: PackContent['names'];
  kinds?: Record<string, RawKind>;
  moments?: Record<string, Omit<NonNullable<PackContent['moments']>[number], 'code'>>;
  experience?: PackContent['experience'];
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
