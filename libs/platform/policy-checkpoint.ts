import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * How far a policy has come in the log, in a file of its own. It is written beside and then moved, so that it is there
 * whole or not at all; a policy that finds none begins at the beginning, and decides nothing twice.
 */
export class PolicyCheckpoint {
  constructor(private readonly file: string) {}

  /** Undefined: there is none, or none that can be read. */
  async load(): Promise<string | undefined> {
    try {
      const { position } = JSON.parse(await readFile(this.file, 'utf8')) as { position?: unknown };
      return typeof position === 'string' && position !== '' ? position : undefined;
    } catch {
      return undefined;
    }
  }

  async save(position: string): Promise<void> {
    await mkdir(dirname(this.file), { recursive: true });
    const fresh = `${this.file}.new`;
    await writeFile(fresh, JSON.stringify({ position }));
    await rename(fresh, this.file);
  }
}
