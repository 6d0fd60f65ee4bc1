/** A touchpoint as a source reports it: everything a journey needs to take it in. */
export interface TouchpointFact extends Reported {
  /** Of a fact that touches several journeys: the same in all of them. */
  readonly factId?: string;
  /** It touches this journey alone, so that one with the same `factId` is a repeat, whichever journey that names. */
  readonly alone?: true;
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

/** By which a repeat of the whole fact is known, whatever else it says; absent: it is known by its journey alone. */
export const repeatIdOf = (fact: TouchpointFact | UnplacedFact): string | undefined =>
  isPlaced(fact) && !fact.alone ? undefined : fact.factId;

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
      /** Of a repeat that says something else than the first, which stays as it is. */
      readonly code?: 'CONTENT_DIFFERS';
      readonly message?: string;
    }
  | {
      readonly outcome: 'refused';
      readonly code: string;
      readonly message: string;
      /** Of a fact that touches several journeys: those that have it all the same. */
      readonly recordedIn?: readonly { readonly journeyId: string; readonly touchpointId: string }[];
    };
