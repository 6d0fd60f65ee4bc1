import type { UnreadableRecord } from './mapped-log.js';
import type { XesMappingOptions } from './xes-options.js';
import type { XesAttribute, XesLog } from './xes.js';

/** An event that goes to quarantine, as XML. */
export interface UnreadableEvent extends UnreadableRecord {
  readonly format: 'xes';
  readonly context: XesContext;
}

/** The surroundings of one event, as far as they say how it is to be read. */
export interface XesContext {
  readonly options: XesMappingOptions;
  readonly classifiers: XesLog['classifiers'];
  /** Those attributes of its trace that name it, and those that name who took part. */
  readonly trace: readonly XesAttribute[];
  /** Its 0-based place in the journey; absent where nobody knows which journey. */
  readonly sequence?: number;
  /** How many unreadable events of the trace before it are identical to it. */
  readonly occurrence: number;
  /** Of a log that Touchstone itself exported: what that log says of its journey type and roles. */
  readonly own?: readonly XesAttribute[];
}
