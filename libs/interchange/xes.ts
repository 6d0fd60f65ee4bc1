/** Where the attributes of a trace are kept: under this key of its first touchpoint. */
export const TRACE_KEY = '@trace';

/** The types of XES attributes (IEEE 1849). */
export const XES_TYPES = ['string', 'date', 'int', 'float', 'boolean', 'id', 'list', 'container'] as const;
export type XesType = (typeof XES_TYPES)[number];

/** An attribute as the file has it: the value is still text. */
export interface XesAttribute {
  readonly type: XesType;
  readonly key: string;
  /** Empty for lists and containers. */
  readonly value: string;
  /** Nested attributes, in file order; of a container, what it holds. */
  children?: XesAttribute[];
  /** Of a list: the items inside its `<values>`, in file order. */
  items?: XesAttribute[];
}

/** Why a single element cannot be read, without any value of it. */
export interface XesFault {
  readonly code: string;
  /** A sentence; names keys and types, never a value: values may be personal. */
  readonly reason: string;
}

export interface XesEvent {
  /** 1-based line of its start tag. */
  readonly line: number;
  readonly attributes: XesAttribute[];
  /** The first thing that makes it unreadable already as an element. */
  fault?: XesFault;
}

export interface XesTrace {
  readonly line: number;
  readonly attributes: XesAttribute[];
  readonly events: XesEvent[];
  fault?: XesFault;
}

export interface XesExtension {
  readonly name: string;
  readonly prefix: string;
  readonly uri: string;
}

export interface XesClassifier {
  readonly name: string;
  readonly scope: 'event' | 'trace';
  /** Attribute keys whose values together name the class. */
  readonly keys: readonly string[];
}

/** What stands in the log outside its traces. */
export interface XesLog {
  readonly version?: string;
  readonly extensions: XesExtension[];
  /** Attributes the file promises on every trace and event. Their values are placeholders, not data. */
  readonly globals: { readonly trace: XesAttribute[]; readonly event: XesAttribute[] };
  readonly classifiers: XesClassifier[];
  readonly attributes: XesAttribute[];
}

/** What the reader passed by because it is no XES; `name` says what and where. */
export interface XesPassedBy {
  readonly what: 'unknown-element' | 'stray-text' | 'comment' | 'unreadable-declaration';
  readonly name: string;
  readonly count: number;
}

/**
 * The parts of a log, in file order: `log` once, before the first trace; each trace when it is complete; `end` once.
 * What a file declares only after its first trace comes with `end`.
 */
export type XesPart =
  | { readonly kind: 'log'; readonly log: XesLog }
  | { readonly kind: 'trace'; readonly trace: XesTrace }
  | {
      readonly kind: 'end';
      readonly traces: number;
      readonly events: number;
      readonly late: XesLog;
      readonly passedBy: readonly XesPassedBy[];
    };

/** Bounds of what is held in memory. Reaching one refuses the file with XES_LIMIT_EXCEEDED. */
export interface XesLimits {
  /** Levels of attributes within attributes. */
  readonly depth: number;
  /** Attributes of one event, or of one trace itself, nested ones included. */
  readonly attributes: number;
  /** Attributes of the log itself, nested ones included. */
  readonly logAttributes: number;
  /** Characters of a key. */
  readonly keyLength: number;
  /** Characters of a value, or of anything else in one piece. */
  readonly valueLength: number;
  readonly traceEvents: number;
  /** Characters of all keys and values of one trace. */
  readonly traceLength: number;
  /** Bytes of the unpacked file. */
  readonly contentBytes: number;
}

export const XES_LIMITS: XesLimits = {
  depth: 32,
  attributes: 4_096,
  logAttributes: 200_000,
  keyLength: 100_000,
  valueLength: 1_000_000,
  traceEvents: 100_000,
  traceLength: 64_000_000,
  contentBytes: 64 * 2 ** 30,
};
