/** What was observed at a touchpoint, as the API answers it. */

/** A code, or a word, with its names. */
export interface NamedIn {
  readonly nameEn: string;
  readonly nameZh: string | null;
}

export interface Measured {
  readonly value: number;
  readonly unit: string;
}

export interface Retraction {
  readonly at: string;
  readonly reason: string;
  readonly byRule: boolean;
}

export interface Moment extends NamedIn {
  readonly id: string;
  readonly code: string;
  readonly polarity: 'negative' | 'positive';
  readonly intensity: number;
  readonly observer: string;
  readonly rule: { readonly id: string; readonly version: number } | null;
  readonly note: string | null;
  readonly occurredAt: string;
  readonly retracted: Retraction | null;
  readonly retractedSince: Retraction | null;
  readonly counterpart: (NamedIn & { readonly code: string }) | null;
}

export interface Expectation {
  readonly aspect: string;
  readonly kind: string;
  readonly desired: Measured | null;
  readonly adequate: Measured | null;
  readonly statement: string | null;
  readonly observer: string;
}

export interface Guidance {
  readonly aspect: string;
  readonly from: Measured | null;
  readonly to: Measured | null;
  readonly script: string | null;
  readonly accepted: boolean | null;
  readonly statement: string | null;
}

export interface Rating {
  readonly aspect: string | null;
  /** Experience less expectation, -2 to 2. */
  readonly gap: number | null;
  readonly level: number | null;
  readonly expectation: number | null;
  readonly label: (NamedIn & { readonly id: string }) | null;
  readonly comment: string | null;
  readonly observer: string;
}

export interface Observed {
  readonly moments: readonly Moment[];
  readonly retractedMoments: readonly Moment[];
  readonly expectations: readonly Expectation[];
  readonly guidances: readonly Guidance[];
  readonly experience: readonly Rating[];
  readonly reviews: readonly { readonly observer: string }[];
}

const RETRACTION = '{ at reason byRule position recordedAt }';
/** Fields of a moment. */
export const MOMENT = `id code nameEn nameZh polarity intensity observer rule { id version } cause note evidence
  touchpointId occurredAt retracted ${RETRACTION} retractedSince ${RETRACTION} counterpart { code nameEn nameZh }
  eventId position recordedAt`;
const ABOUT = 'id touchpointId occurredAt recordedAt position';
/** Fields of a timeline's entry. */
export const OBSERVED = `moments { ${MOMENT} } retractedMoments { ${MOMENT} }
  expectations { ${ABOUT} aspect kind desired { value unit } adequate { value unit } statement observer }
  guidances { ${ABOUT} aspect expectationId from { value unit } to { value unit } script accepted statement }
  experience { ${ABOUT} aspect gap level expectation label { id nameEn nameZh } comment observer }
  reviews { ${ABOUT} observer }`;
