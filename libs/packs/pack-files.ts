import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isNode, LineCounter, parseDocument, type Document } from 'yaml';
import { TouchstoneError } from '@touchstone/eventing';
import { correlationFault, durationMs, type CorrelationRule } from './correlation-rule.js';
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
 * `moments` (code: {polarity, names, counter?, description?, rule?}), `experience` ({labels: [{id, names, from, to}]})
 * and `correlation` (journey type or `default`: {kinds?, objects?, idleGap?, doubtful?, sameCustomer?}, gaps as `72h`).
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
    ...(raw.correlation && { correlation: Object.entries(raw.correlation).map(ruleOf) }),
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
  const raw = document.toJS() as RawPack;
  const fault = packFileFault(document, lines) ?? ruleFault(raw.correlation ?? {}, lineIn(document, lines));
  if (fault !== null) throw invalid(file, fault);
  return raw;
}

type LineOf = (...path: string[]) => number;

const lineIn =
  (document: Document.Parsed, lines: LineCounter): LineOf =>
  (...path) => {
    const node: unknown = document.getIn(path, true);
    return isNode(node) && node.range ? lines.linePos(node.range[0]).line : 0;
  };

/** The first rule of correlation that says nothing, or something that cannot be meant. */
function ruleFault(rules: NonNullable<RawPack['correlation']>, lineOf: LineOf): string | null {
  for (const [type, rule] of Object.entries(rules)) {
    for (const gap of ['idleGap', 'doubtful'] as const) {
      if (rule[gap] === undefined || durationMs(rule[gap]) !== null) continue;
      const line = lineOf('correlation', type, gap);
      return `line ${line}: correlation.${type}.${gap} must be a number of minutes, hours or days, such as 90m, 72h or 7d`;
    }
  }
  const found = correlationFault(Object.entries(rules).map(ruleOf));
  return found && `line ${lineOf('correlation', found.journeyType)}: the rule of ${found.journeyType} ${found.fault}`;
}

function ruleOf([journeyType, { idleGap, doubtful, ...rule }]: [string, RawRule]): CorrelationRule {
  return {
    journeyType,
    ...rule,
    ...(idleGap !== undefined && { idleGapMs: durationMs(idleGap)! }),
    ...(doubtful !== undefined && { doubtfulMs: durationMs(doubtful)! }),
  };
}

const invalid = (file: string, fault: string) =>
  new TouchstoneError('PACK_FILE_INVALID', `The pack file ${file} has not the shape of a pack: ${fault}.`, 'invalid');

interface RawPack {
  pack: string;
  names: PackContent['names'];
  kinds?: Record<string, RawKind>;
  moments?: Record<string, Omit<NonNullable<PackContent['moments']>[number], 'code'>>;
  experience?: PackContent['experience'];
  correlation?: Record<string, RawRule>;
}

interface RawRule extends Omit<CorrelationRule, 'journeyType' | 'idleGapMs' | 'doubtfulMs'> {
  idleGap?: string;
  doubtful?: string;
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
