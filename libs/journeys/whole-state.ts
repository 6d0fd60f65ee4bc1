/** What a journey is together with all that was merged with it and split into it: what its own decisions rest on. */
import { byInstant } from '@touchstone/eventing/pure';
import type { Journey, Touchpoint } from './journey-state.js';

export interface Part {
  readonly id: string;
  readonly state: Journey;
}

/** Journeys that are seen as one. */
export interface Whole {
  /** The one that stands for all. */
  readonly rootId: string;
  /** The root first. */
  readonly parts: readonly Part[];
  /** Others, in whose streams touchpoints of the whole stand: those that were split away to it. */
  readonly origins: readonly (Part & { readonly touchpointIds: ReadonlySet<string> })[];
}

/** The root as it is seen: by the same rules as a journey by itself, over everything that belongs to it. */
export function asOne(root: Journey, whole: Whole | undefined): Journey {
  if (!whole) return root;
  const parts = whole.parts.map((part) => (part.id === whole.rootId ? { ...part, state: root } : part));
  if (parts.length === 1 && whole.origins.length === 0 && !root.movedTo) return root;
  const states = parts.map(({ state }) => state);
  const owned = states.filter((state) => state.owned);
  const owner = owned.reduce<Journey | undefined>(
    (last, each) => (last && byInstant(last.owned!, each.owned!) > 0 ? last : each),
    undefined,
  );
  return {
    ...root,
    touchpoints: touchpointsOf({ ...whole, parts }),
    decisions: states.flatMap(({ decisions }) => decisions),
    pauses: states.flatMap(({ pauses }) => pauses),
    owner: owner?.owner,
    owned: owner?.owned,
  };
}

/** Without what was split away, with what was split into it. */
function touchpointsOf({ parts, origins }: Whole): Map<string, Touchpoint | null> {
  const own = new Set(parts.map(({ id }) => id));
  const found = new Map<string, Touchpoint | null>();
  for (const { state } of parts) {
    for (const [id, touchpoint] of state.touchpoints) {
      const away = state.movedTo?.get(id);
      if (away === undefined || own.has(away)) found.set(id, touchpoint);
    }
  }
  for (const { state, touchpointIds } of origins) {
    for (const id of touchpointIds) found.set(id, state.touchpoints.get(id) ?? null);
  }
  return found;
}
