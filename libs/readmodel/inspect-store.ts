import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Position } from '@touchstone/eventing/pure';
import { META_FILE } from './read-store.js';
import { openForReading } from './sqlite.js';

/** The generation of a group that answers, as a look at its file finds it. */
export interface StoredGeneration {
  readonly group: string;
  readonly name: string;
  /** '' before the first event. */
  readonly checkpoint: Position;
  readonly parked: number;
}

/** Looks at a directory of read models from outside, without changing anything; empty where none have been made. */
export function inspectReadStore(directory: string): StoredGeneration[] {
  if (!existsSync(join(directory, META_FILE))) return [];
  const meta = openForReading(join(directory, META_FILE));
  try {
    const active = meta.prepare(`select group_name, number from generation where state = 'active'`).all() as {
      group_name: string;
      number: number;
    }[];
    return active.map(({ group_name: group, number }) => generation(directory, group, `${group}-${number}`));
  } finally {
    meta.close();
  }
}

function generation(directory: string, group: string, name: string): StoredGeneration {
  const db = openForReading(join(directory, `${name}.db`));
  try {
    const { position } = db.prepare('select position from checkpoint').get() as { position: Position };
    const { parked } = db.prepare(`select count(*) as parked from parked where state = 'parked'`).get() as {
      parked: number;
    };
    return { group, name, checkpoint: position, parked };
  } finally {
    db.close();
  }
}
