import { checkAttributes, type KindInForce } from '@touchstone/packs';
import type { ObjectReference, TouchpointContent } from './journey.events.js';

/** What is reported of a touchpoint besides its kind. */
export interface Reported {
  readonly channel?: string;
  readonly unit?: string;
  readonly staff?: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly personal?: Readonly<Record<string, unknown>>;
  readonly objects?: readonly ObjectReference[];
}

/**
 * The content of a touchpoint as it is recorded: traits as the kind has them now, attributes checked against the kind,
 * those about a person moved to where they are encrypted.
 * @throws ATTRIBUTE_INVALID
 */
export function touchpointContent(kind: KindInForce, reported: Reported): TouchpointContent {
  const attributes: Record<string, unknown> = { ...reported.attributes };
  const personal: Record<string, unknown> = { ...reported.personal };
  checkAttributes(kind, { ...attributes, ...personal });
  for (const [name, spec] of Object.entries(kind.attributes ?? {})) {
    if (spec.personal && name in attributes) {
      personal[name] = attributes[name];
      delete attributes[name];
    }
  }
  const { channel, unit, staff, objects } = reported;
  return {
    kind: kind.id,
    kindVersion: kind.version,
    traits: kind.traits,
    ...(channel !== undefined && { channel }),
    ...(unit !== undefined && { unit }),
    ...(staff !== undefined && { staff }),
    ...(Object.keys(attributes).length > 0 && { attributes }),
    ...(Object.keys(personal).length > 0 && { personal }),
    ...(objects && objects.length > 0 && { objects: objects.map((object) => ({ ...object })) }),
  };
}
