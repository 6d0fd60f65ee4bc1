/** A touchpoint as a source reports it: everything a journey needs to take it in. */
export interface TouchpointFact extends Reported {
  /** Of a fact that touches several journeys: the same in all of them. */
  readonly factId?: string;
  /** Event id of the `TouchpointRecorded`; deterministic, so that a repeat is known. */
  readonly touchpointId: string;
  readonly journey: {
    readonly id: string;
    readonly type: string;
    /** The source's own name of the journey, such as a trace id or a ticket number. */
    readonly key?: string;
  };
}

/** A touchpoint that names no journey: the rules of the packs find one for it. */
export interface UnplacedFact extends Reported {
  /** Of the source's event, so that a repeat goes where the first went. */
  readonly factId: string;
  readonly journey?: { readonly type?: string };
}

export const isPlaced = (fact: TouchpointFact | UnplacedFact): fact is TouchpointFact => 'touchpointId' in fact;

interface Reported {
  /** Identifier of the journey's customer; the customer is found or made by a claim. */
  readonly customer?: { readonly type: string; readonly value: string };
  /** Further identifiers of the same customer: an account beside the phone. */
  readonly identifiers?: readonly { readonly type: string; readonly value: string }[];
  /** Id of a published touchpoint kind. */
  readonly kind: string;
  readonly channel?: string;
  readonly unit?: string;
  readonly staff?: string;
  /** ISO 8601 with its original offset. */
  readonly occurredAt: string;
  readonly source: {
    readonly system: string;
    readonly recordId?: string;
    /** 0-based place among the journey's touchpoints, given by the source. */
    readonly sequence?: number;
    readonly recordedAt?: string;
  };
  /** JSON values. */
  readonly attributes?: Readonly<Record<string, unknown>>;
  /** JSON values about a person: encrypted before they reach the log. */
  readonly personal?: Readonly<Record<string, unknown>>;
  readonly objects?: readonly { readonly type: string; readonly id: string; readonly qualifier?: string }[];
}

/** What became of a fact. `refused` facts belong in quarantine with the code and the message. */
export type FactOutcome =
  | {
      readonly outcome: 'taken' | 'known';
      readonly journeyId: string;
      readonly touchpointId: string;
      readonly revision: number;
      readonly position: string;
    }
  | {
      readonly outcome: 'refused';
      readonly code: string;
      readonly message: string;
      /** Of a fact that touches several journeys: those that have it all the same. */
      readonly recordedIn?: readonly { readonly journeyId: string; readonly touchpointId: string }[];
    };
