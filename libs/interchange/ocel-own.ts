/** How Touchstone marks its own exports in OCEL, so that an import knows again what has no place in the standard. */
import { deterministicId } from '@touchstone/eventing';
import { UUID } from './xes-own.js';
import type { JsonObject } from './xes-value.js';

/** Attribute of events and objects with what is said of them here, as JSON. */
export const OWN_KEY = 'touchstone:own';

/** Qualifier of a journey that is an object of its own in the file. */
export const JOURNEY = 'journey';

/** The touchpoint that an event is in one of its journeys. */
export interface OwnTouchpoint {
  readonly id: string;
  readonly journey: string;
  readonly journeyType: string;
  readonly key?: string;
  /** Id of the object that is the journey. */
  readonly object: string;
}

/** What an event is here, where an import could not tell it from the event itself. */
export interface OwnEvent {
  readonly touchpoints: readonly OwnTouchpoint[];
  /** The fact that all of them are. */
  readonly fact?: string;
  /** The kind, where it is none of the journey type's own. */
  readonly kind?: string;
  readonly source?: { readonly system: string; readonly recordId?: string; readonly recordedAt?: string };
  /** Attributes that are roles. */
  readonly roles?: Readonly<Record<string, string>>;
  /** It stands on an object, for all whom it concerns, and is of no journey. */
  readonly isShared?: boolean;
}

/** What was said of an object here, and by which statements; nothing else was. */
export interface OwnObject {
  readonly said: readonly (readonly [id: string, occurredAt: string, names: readonly string[]])[];
}

/** Undefined for what is not as an export writes it: then it is as if it were not there. */
export function ownEventOf(text: unknown): OwnEvent | undefined {
  const own = parsed(text);
  if (!own || !Array.isArray(own['touchpoints'])) return undefined;
  const isSound = (own['touchpoints'] as Partial<OwnTouchpoint>[]).every(
    (t) => isId(t?.id) && isId(t?.journey) && isText(t?.journeyType) && isText(t?.object) && isTextOrNone(t?.key),
  );
  const { fact, kind, source, roles } = own as Partial<OwnEvent>;
  const told = source === undefined || (isText(source?.system) && isTextOrNone(source.recordId) && isTextOrNone(source.recordedAt)); // prettier-ignore
  const named = roles === undefined || (roles !== null && typeof roles === 'object' && Object.values(roles).every(isText)); // prettier-ignore
  const isFact = fact === undefined || isId(fact);
  return isSound && told && named && isFact && isTextOrNone(kind) ? (own as unknown as OwnEvent) : undefined;
}

export function ownObjectOf(text: unknown): OwnObject | undefined {
  const own = parsed(text);
  if (!own || !Array.isArray(own['said'])) return undefined;
  const isSound = (own['said'] as unknown[]).every(
    (one) => Array.isArray(one) && isId(one[0]) && isText(one[1]) && Array.isArray(one[2]) && one[2].every(isText),
  );
  return isSound ? (own as unknown as OwnObject) : undefined;
}

/**
 * The touchpoint that an event of an export is in the journey of this object, when the import makes the journey type that
 * was exported, and names no source or the one from which the journey has its id.
 */
export function exportedAs(
  own: OwnEvent | undefined,
  { object, journeyType, source }: { object: string | null; journeyType: string; source: string | undefined },
): OwnTouchpoint | undefined {
  const found = own?.touchpoints.find((one) => one.object === object && one.journeyType === journeyType);
  if (!found) return undefined;
  const same =
    source === undefined || found.journey === deterministicId(source, journeyType, found.key ?? found.journey);
  return same ? found : undefined;
}

function parsed(text: unknown): JsonObject | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

const isId = (value: unknown): boolean => typeof value === 'string' && UUID.test(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isTextOrNone = (value: unknown): boolean => value === undefined || isText(value);
