import type { Kernel } from '@touchstone/eventing';
import { journeyDecider } from './journey.js';
import type { Journey } from './journey-state.js';
import type { Part, Whole } from './whole-state.js';

/** Whether a journey's stream holds what is looked for; `among`: only what stands at these touchpoints counts. */
export type Holds = (state: Journey, among?: ReadonlySet<string>) => boolean;

/**
 * Journeys that are seen as one, by the log alone: who was absorbed says into whom, and who survived has learned where to
 * look. What was merged a moment ago may not be learned yet; that somebody was absorbed is known at once.
 */
export class WholeJourneys {
  constructor(private readonly kernel: Pick<Kernel, 'look'>) {}

  /** The journey that stands for all that was merged with this one; of a circle the one with the smallest id. */
  async root(journeyId: string): Promise<Part> {
    const chain: Part[] = [];
    for (let next: string | undefined = journeyId; next !== undefined;) {
      const at = chain.findIndex(({ id }) => id === next);
      if (at !== -1) return chain.slice(at).reduce((least, each) => (each.id < least.id ? each : least));
      const part = await this.look(next);
      chain.push(part);
      next = part.state.mergedInto;
    }
    return chain.at(-1)!;
  }

  async of(journeyId: string): Promise<Whole> {
    const root = await this.root(journeyId);
    const parts = new Map([[root.id, root]]);
    // Who is asked for belongs to it, even where the survivor has not learned of it yet.
    for (let next: string | undefined = journeyId; next !== undefined && !parts.has(next);) {
      const part = await this.look(next);
      parts.set(next, part);
      next = part.state.mergedInto;
    }
    for (const { id, state } of parts.values()) {
      // In a circle the one that stands for it was absorbed, too.
      for (const other of [...(state.absorbed ?? []), state.mergedInto]) {
        if (other === undefined || parts.has(other)) continue;
        const part = await this.look(other);
        if (part.state.mergedInto === id || other === state.mergedInto) parts.set(other, part);
      }
    }
    return { rootId: root.id, parts: [...parts.values()], origins: await this.originsOf(parts) };
  }

  /**
   * The journey of the whole in whose stream it stands; the one asked for where none has it, and that one says so. Its
   * own stream comes first: most journeys are by themselves.
   */
  async holderOf(journeyId: string, holds: Holds): Promise<string> {
    if (holds((await this.look(journeyId)).state)) return journeyId;
    const { parts, origins } = await this.of(journeyId);
    const held = parts.find(({ state }) => holds(state)) ?? origins.find((o) => holds(o.state, o.touchpointIds));
    return held?.id ?? journeyId;
  }

  private async originsOf(parts: ReadonlyMap<string, Part>): Promise<Whole['origins']> {
    const found = new Map<string, { readonly part: Part; readonly touchpointIds: Set<string> }>();
    for (const { id, state } of parts.values()) {
      for (const [touchpointId, from] of state.received ?? []) {
        if (parts.has(from)) continue;
        let origin = found.get(from);
        if (!origin) found.set(from, (origin = { part: await this.look(from), touchpointIds: new Set() }));
        if (origin.part.state.movedTo?.get(touchpointId) === id) origin.touchpointIds.add(touchpointId);
      }
    }
    return [...found.values()]
      .filter(({ touchpointIds }) => touchpointIds.size > 0)
      .map(({ part, touchpointIds }) => ({ ...part, touchpointIds }));
  }

  private async look(id: string): Promise<Part> {
    return { id, state: (await this.kernel.look(journeyDecider, id)).state };
  }
}
