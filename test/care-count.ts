/**
 * Care figures counted anew from the events of a log, by their definitions and nothing else: no product code, no
 * cleverness, quadratic where that is plainer.
 */
export interface LoggedEvent {
  readonly id: string;
  readonly type: string;
  readonly stream: string;
  readonly occurredAt: string;
  readonly recordedAt: string;
  // Events of every type.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly data: any;
  readonly metadata: { readonly historical?: boolean; readonly source?: { system: string; sequence?: number } };
}

const WEEK = 168 * 3_600_000;
/** What a person decides comes after what the customer lived at the same instant. */
const LAST = Number.MAX_SAFE_INTEGER;

interface Placed {
  readonly at: number;
  readonly sequence: number;
  readonly id: string;
}
const inOrder = (a: Placed, b: Placed) => a.at - b.at || a.sequence - b.sequence || (a.id < b.id ? -1 : 1);

export interface Touchpoint extends Placed {
  readonly version: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly data: any;
  readonly recorded: number;
  readonly historical: boolean;
  readonly system: string | null;
}
interface Decision extends Placed {
  readonly type: string;
}
interface OwnerEntry extends Placed {
  readonly party: string;
  readonly handover: boolean;
  readonly noted: boolean;
  readonly told: boolean;
}
interface Moment extends Placed {
  readonly touchpoint: string;
  readonly code: string;
  readonly negative: boolean;
  readonly intensity: number;
  readonly observer: string;
  readonly cause: string | null;
  retracted: 'by a person' | 'by the rule' | null;
}
interface Rating {
  readonly touchpoint: string;
  readonly observer: string;
  readonly gap: number | null;
}

class Journey {
  type: string | null = null;
  openedBy: string | null = null;
  readonly versions = new Map<string, Touchpoint>();
  readonly first = new Map<string, LoggedEvent>();
  readonly void = new Set<string>();
  readonly owners: OwnerEntry[] = [];
  readonly decisions: Decision[] = [];
  readonly moments = new Map<string, Moment>();
  readonly ratings: Rating[] = [];
  readonly reviews: { touchpoint: string; observer: string }[] = [];

  constructor(readonly id: string) {}

  get touchpoints(): Touchpoint[] {
    return [...this.versions.values()].filter(({ id }) => !this.void.has(id)).sort(inOrder);
  }
  get held(): Moment[] {
    return [...this.moments.values()].filter((m) => m.retracted === null);
  }
  get customer(): string | null {
    return this.touchpoints.find(({ data }) => data.customerId)?.data.customerId ?? this.openedBy;
  }
  get ends(): (Placed & { closes: boolean; touchpoint?: Touchpoint })[] {
    const decided = this.decisions.filter(({ type }) => type === 'JourneyClosed' || type === 'JourneyReopened');
    return [
      ...this.touchpoints.map((touchpoint) => ({ ...touchpoint, closes: touchpoint.data.traits.closes as boolean })),
      ...decided.map((decision) => ({ ...decision, closes: decision.type === 'JourneyClosed' })),
    ].sort(inOrder);
  }
  /** Where it goes on after what had closed it. */
  get reopenings(): Touchpoint[] {
    return this.touchpoints.filter(
      ({ data }, i, all) => i > 0 && all[i - 1]!.data.traits.closes && !data.traits.closes,
    );
  }
  get wasReopened(): boolean {
    return this.reopenings.length > 0 || this.decisions.some(({ type }) => type === 'JourneyReopened');
  }
  get contacts(): Touchpoint[] {
    const { touchpoints } = this;
    const found = touchpoints.filter(({ data }) => data.traits.contact);
    return found.length > 0 ? found : touchpoints.slice(0, 1);
  }
  get changes(): OwnerEntry[] {
    return [...this.owners].sort(inOrder).filter(({ handover }, i) => handover || i > 0);
  }
}

export interface Dims {
  readonly at: number;
  readonly unit: string | null;
  readonly channel: string | null;
  readonly stage: string | null;
  readonly journeyType: string | null;
  readonly segment: string | null;
  readonly region: string | null;
  readonly tier: string | null;
  readonly source?: string | null;
  readonly observer?: string;
  readonly code?: string;
}

/** What once adds to a metric. `observed` is told apart by observer and code, the rest is not. */
export interface Once extends Dims {
  readonly n: number;
  readonly numerator: number;
  readonly denominator: number;
  readonly observed?: boolean;
  /** Counts only until a window has passed. */
  readonly provisionalUntil?: number;
}

interface Contact {
  readonly journey: Journey;
  readonly touchpoint: Touchpoint;
  readonly repeat: boolean;
  readonly confirmed: boolean;
  readonly resolved: boolean;
}

/** A log, counted. */
export class Count {
  private readonly journeys = new Map<string, Journey>();
  private readonly profiles = new Map<string, Record<string, string>>();
  private readonly mergedInto = new Map<string, string>();

  constructor(events: Iterable<LoggedEvent>) {
    const seen = new Set<string>();
    for (const event of events) {
      if (seen.has(event.id)) continue;
      seen.add(event.id);
      if (event.stream.startsWith('customer-')) this.customer(event.stream.slice('customer-'.length), event);
      if (event.stream.startsWith('journey-')) this.live(event.stream.slice('journey-'.length), event);
    }
  }

  private customer(id: string, { type, data }: LoggedEvent): void {
    const { segment, region, tier } = data;
    const groups = Object.entries({ segment, region, tier }).filter(([, value]) => value !== undefined);
    if (type === 'CustomersMerged') this.mergedInto.set(id, data.survivorId);
    else if (type === 'CustomersUnmerged') this.mergedInto.delete(id);
    else this.profiles.set(id, { ...this.profiles.get(id), ...Object.fromEntries(groups) });
  }

  private live(id: string, event: LoggedEvent): void {
    let journey = this.journeys.get(id);
    if (!journey) this.journeys.set(id, (journey = new Journey(id)));
    const { type, data } = event;
    const placed = { id: event.id, at: Date.parse(event.occurredAt), sequence: LAST };
    switch (type) {
      case 'JourneyOpened':
        journey.type = data.journeyType;
        journey.openedBy = data.customerId ?? null;
        return;
      case 'TouchpointRecorded':
        journey.first.set(event.id, event);
        return void journey.versions.set(event.id, touchpointOf(event, event));
      case 'TouchpointCorrected': {
        const first = journey.first.get(data.touchpointId);
        return void journey.versions.set(data.touchpointId, touchpointOf(event, first!));
      }
      case 'TouchpointVoided':
        return void journey.void.add(data.touchpointId);
      case 'OwnerAssigned':
      case 'JourneyHandedOver': {
        const handover = type === 'JourneyHandedOver';
        const to = handover ? data.to : data;
        const party = JSON.stringify([to.unit, to.staff]);
        const noted = handover && data.note !== undefined;
        return void journey.owners.push({ ...placed, party, handover, noted, told: handover && data.customerTold });
      }
      case 'MomentObserved':
        return void journey.moments.set(event.id, {
          ...placed,
          touchpoint: data.touchpointId,
          code: data.code,
          negative: data.polarity === 'negative',
          intensity: data.intensity,
          observer: data.observer,
          cause: data.rule?.cause ?? null,
          retracted: null,
        });
      case 'MomentRetracted': {
        const moment = journey.moments.get(data.momentId);
        if (moment) moment.retracted ??= data.byRule ? 'by the rule' : 'by a person';
        return;
      }
      case 'ExperienceRated':
        return void journey.ratings.push({ touchpoint: data.touchpointId, observer: data.observer, gap: data.gap ?? null }); // prettier-ignore
      case 'TouchpointReviewed':
        return void journey.reviews.push({ touchpoint: data.touchpointId, observer: data.observer });
      default:
        if (/^Journey(Closed|Reopened|Paused|Resumed)$/.test(type)) journey.decisions.push({ ...placed, type });
    }
  }

  /** The customer who stands for one who was merged; of a circle, the one with the smallest id. */
  rootOf(customer: string): string {
    const chain = [customer];
    for (let next = this.mergedInto.get(customer); next; next = this.mergedInto.get(next)) {
      if (chain.includes(next)) return chain.slice(chain.indexOf(next)).sort()[0]!;
      chain.push(next);
    }
    return chain.at(-1)!;
  }

  private dims(journey: Journey, { data }: Touchpoint, at: number): Dims {
    const profile = this.profiles.get(journey.customer ?? '') ?? {};
    return {
      at,
      unit: data.unit ?? null,
      channel: data.channel ?? null,
      stage: data.traits.stage ?? null,
      journeyType: journey.type,
      segment: profile['segment'] ?? null,
      region: profile['region'] ?? null,
      tier: profile['tier'] ?? null,
    };
  }

  /** Contacts of known customers. */
  private contacts(): Contact[] {
    const all = [...this.journeys.values()]
      .filter(({ customer }) => customer !== null)
      .flatMap((journey) => journey.contacts.map((touchpoint) => ({ journey, touchpoint })));
    const matterOf = ({ journey }: { journey: Journey }) => `${this.rootOf(journey.customer!)} ${journey.type}`;
    return all.map((contact) => {
      const { journey, touchpoint } = contact;
      const others = all.filter((other) => other !== contact && matterOf(other) === matterOf(contact));
      const near = (other: { touchpoint: Touchpoint }) => Math.abs(other.touchpoint.at - touchpoint.at) <= WEEK;
      const repeat = others.some((other) => inOrder(other.touchpoint, touchpoint) < 0 && near(other));
      const followed = others.some((other) => inOrder(other.touchpoint, touchpoint) > 0 && near(other));
      const confirmed = journey.touchpoints.some(
        (each) => each.data.kind === 'contact.resolution-confirmed' && (each === touchpoint || inOrder(each, touchpoint) > 0 || each.id === touchpoint.id), // prettier-ignore
      );
      const resolved = !repeat && !journey.wasReopened && (confirmed || !followed);
      return { journey, touchpoint, repeat, confirmed, resolved };
    });
  }

  /** First contacts that count as resolved for want of a repeat, where nobody has said so and no person took it back. */
  private awaited(): Contact[] {
    return this.contacts().filter(({ journey, touchpoint: { id }, resolved, confirmed }) => {
      const said = journey.held.some((m) => m.observer !== 'rule' && m.touchpoint === id && !m.negative);
      const barred = [...journey.moments.values()].some(
        (m) => m.observer === 'rule' && !m.negative && m.cause === id && m.retracted === 'by a person',
      );
      return resolved && !confirmed && !said && !barred;
    });
  }

  /** Moments of the rule that may still be observed: nothing yet. */
  private toCome(journey: Journey): Once[] {
    return this.awaited()
      .filter((contact) => contact.journey === journey)
      .map(({ touchpoint }) => ({
        ...this.dims(journey, touchpoint, touchpoint.at),
        ...{ n: 0, numerator: 0, denominator: 0, observed: true, observer: 'rule', code: 'POS-S2' },
        provisionalUntil: touchpoint.at + WEEK,
      }));
  }

  /** Everything that a metric counts. */
  of(metric: string): Once[] {
    const journeys = [...this.journeys.values()].filter(({ touchpoints }) => touchpoints.length > 0);
    const once = (dims: Dims, numerator: number, n = 1): Once => ({ ...dims, n, numerator, denominator: n });
    const opened = (journey: Journey, numerator: number) => {
      const [first] = journey.touchpoints;
      return once(this.dims(journey, first!, first!.at), numerator);
    };
    switch (metric) {
      case 'M-JLT':
        return this.closed(journeys, ({ gross }) => gross);
      case 'M-TCH':
        return this.closed(
          journeys,
          ({ journey }) =>
            journey.touchpoints.filter(({ data: { traits } }) => traits.customerVisible && traits.actor !== 'system')
              .length,
        );
      case 'M-FCO': {
        const owned = journeys.filter(({ owners }) => owners.length > 0);
        return this.closed(owned, ({ journey }) => (journey.changes.every((c) => c.noted && c.told) ? 1 : 0));
      }
      case 'M-HND':
        return journeys.map((journey) => opened(journey, journey.changes.length));
      case 'M-SI':
        return journeys.map((journey) => opened(journey, journey.changes.some(({ told }) => !told) ? 0 : 1));
      case 'M-NPM':
        return journeys.flatMap((journey) => {
          const moments = this.momentsOf(journey);
          const first = moments.find(({ negative }) => negative);
          if (!first) return [];
          const place = (touchpoint: string) => journey.touchpoints.findIndex(({ id }) => id === touchpoint);
          const follows = (touchpoint: string, at: number) =>
            place(touchpoint) > place(first.touchpoint) || (touchpoint === first.touchpoint && at > first.at);
          if (moments.some(({ negative, touchpoint, at }) => !negative && follows(touchpoint, at))) {
            return [opened(journey, 1)];
          }
          const ends = this.awaited()
            .filter((c) => c.journey === journey && follows(c.touchpoint.id, c.touchpoint.at))
            .map(({ touchpoint }) => touchpoint.at + WEEK);
          return [{ ...opened(journey, 0), ...(ends.length > 0 && { provisionalUntil: Math.max(...ends) }) }];
        });
      case 'M-RPT':
        return this.contacts().map(({ journey, touchpoint, repeat }) =>
          once(this.dims(journey, touchpoint, touchpoint.at), repeat ? 1 : 0),
        );
      case 'M-FCR':
        return this.contacts()
          .filter(({ repeat }) => !repeat)
          .map(({ journey, touchpoint, resolved, confirmed }) => ({
            ...once(this.dims(journey, touchpoint, touchpoint.at), resolved ? 1 : 0),
            ...(resolved && !confirmed && { provisionalUntil: touchpoint.at + WEEK }),
          }));
      case 'M-XCH':
        return journeys.flatMap((journey) =>
          journey.contacts.flatMap((contact, i, all) => {
            const [before, now] = [all[i - 1]?.data.channel, contact.data.channel];
            if (!before || !now || before === now) return [];
            return [once(this.dims(journey, contact, contact.at), contact.data.attributes?.contextPassed === true ? 1 : 0)]; // prettier-ignore
          }),
        );
      case 'M-MOTP':
      case 'M-MOTN':
        return journeys.flatMap((journey) => [
          ...(metric === 'M-MOTP' ? this.toCome(journey) : []),
          ...journey.touchpoints.map((touchpoint) => once(this.dims(journey, touchpoint, touchpoint.at), 0)),
          ...this.observed(journey).flatMap(({ moment, dims }) =>
            moment.negative === (metric === 'M-MOTN') ? [{ ...once(dims, 1, 0), observed: true }] : [],
          ),
        ]);
      case 'M-MOTB':
        return journeys.flatMap((journey) => [
          ...this.toCome(journey),
          ...this.observed(journey).map(({ moment: { negative, intensity }, dims }) => ({
            ...dims,
            n: 1,
            numerator: negative ? -intensity : intensity,
            denominator: intensity,
            observed: true,
          })),
        ]);
      case 'M-EEG':
        return journeys.flatMap((journey) =>
          journey.ratings.flatMap(({ touchpoint: id, observer, gap }) => {
            const touchpoint = journey.touchpoints.find((each) => each.id === id);
            if (!touchpoint || gap === null) return [];
            return [{ ...once(this.dims(journey, touchpoint, touchpoint.at), gap), observer, observed: true }];
          }),
        );
      case 'M-LAG':
        return journeys.flatMap((journey) =>
          journey.touchpoints
            .filter(({ historical }) => !historical)
            .map((touchpoint) => ({
              ...once(this.dims(journey, touchpoint, touchpoint.at), Math.round((touchpoint.recorded - touchpoint.at) / 1000)), // prettier-ignore
              source: touchpoint.system,
            })),
        );
      default:
        throw new Error(`Nobody counts ${metric} here.`);
    }
  }

  /** Touchpoints that an observer looked at, and touchpoints that have what a rule reads. */
  coverage(): Record<string, number> {
    const covered: Record<string, number> = { customer: 0, qa: 0, auditor: 0, staff: 0, 'NEG-S2': 0, 'NEG-S3': 0, 'NEG-S5': 0 }; // prettier-ignore
    for (const journey of this.journeys.values()) {
      for (const { id } of journey.touchpoints) {
        const looks = [
          ...journey.held.filter(({ observer }) => observer !== 'rule'),
          ...journey.ratings,
          ...journey.reviews,
        ];
        for (const observer of new Set(looks.filter((l) => l.touchpoint === id).map((l) => l.observer))) {
          covered[observer]!++;
        }
        if (journey.owners.length > 0) covered['NEG-S2']!++;
        if (journey.customer !== null) covered['NEG-S3']!++;
        covered['NEG-S5']!++;
      }
    }
    return covered;
  }

  /**
   * What the rules have to do, by journey, code and cause: to observe (at this touchpoint), or to withdraw (one of these
   * moments, and then the next).
   */
  due(): Map<string, { observe: string } | { withdraw: string[] }> {
    const contacts = this.contacts();
    const due = new Map<string, { observe: string } | { withdraw: string[] }>();
    for (const journey of this.journeys.values()) {
      const wanted = new Map<string, Touchpoint>();
      for (const { code, cause, touchpoint } of this.findings(journey, contacts)) {
        const banned = [...journey.moments.values()].some(
          (m) => m.observer === 'rule' && m.code === code && m.cause === cause && m.retracted === 'by a person',
        );
        const person = journey.held.some(
          (m) => m.observer !== 'rule' && m.touchpoint === touchpoint.id && m.negative === code.startsWith('NEG'),
        );
        if (!banned && !person) wanted.set(`${code} ${cause}`, touchpoint);
      }
      const held = journey.held.filter(({ observer }) => observer === 'rule').sort(inOrder);
      const standing = new Set<string>();
      // What was taken first stands; the order of observations at one touchpoint is that of their places.
      for (const moment of held) {
        const key = `${moment.code} ${moment.cause}`;
        const expected = wanted.get(key);
        if (expected && expected.id === moment.touchpoint && expected.at === moment.at && !standing.has(key)) {
          standing.add(key);
          continue;
        }
        const before = due.get(`${journey.id} ${key}`) as { withdraw: string[] } | undefined;
        due.set(`${journey.id} ${key}`, { withdraw: [...(before?.withdraw ?? []), moment.id] });
      }
      for (const [key, { id }] of wanted) {
        // One that stands in the wrong place has to go first.
        const inTheWay = held.some((m) => `${m.code} ${m.cause}` === key);
        if (!inTheWay) due.set(`${journey.id} ${key}`, { observe: id });
      }
    }
    return due;
  }

  private findings(journey: Journey, contacts: readonly Contact[]) {
    const found: { code: string; cause: string; touchpoint: Touchpoint }[] = [];
    const { touchpoints } = journey;
    if (touchpoints.length === 0) return found;
    journey.changes.forEach((change, i) => {
      if (change.noted && i === 0) return;
      const before = touchpoints.filter((touchpoint) => inOrder(touchpoint, change) < 0).at(-1);
      found.push({ code: 'NEG-S2', cause: change.id, touchpoint: before ?? touchpoints[0]! });
    });
    for (const touchpoint of journey.reopenings) found.push({ code: 'NEG-S5', cause: touchpoint.id, touchpoint });
    for (const { touchpoint, repeat, resolved } of contacts.filter((c) => c.journey === journey)) {
      if (repeat) found.push({ code: 'NEG-S3', cause: touchpoint.id, touchpoint });
      if (resolved) found.push({ code: 'POS-S2', cause: touchpoint.id, touchpoint });
    }
    return found;
  }

  private closed(journeys: readonly Journey[], value: (of: { journey: Journey; gross: number }) => number): Once[] {
    return journeys.flatMap((journey) => {
      const end = journey.ends.at(-1)!;
      if (!end.closes) return [];
      const { touchpoints } = journey;
      const gross = end.at - touchpoints[0]!.at;
      const anchor = touchpoints.filter((each) => each.id === end.id || inOrder(each, end) < 0).at(-1) ?? touchpoints[0]!; // prettier-ignore
      return [{ ...this.dims(journey, anchor, end.at), n: 1, numerator: value({ journey, gross }), denominator: 1 }];
    });
  }

  /** Held moments at held touchpoints, in the order of these. */
  private momentsOf(journey: Journey): Moment[] {
    const place = new Map(journey.touchpoints.map(({ id }, i) => [id, i]));
    return journey.held
      .filter(({ touchpoint }) => place.has(touchpoint))
      .sort((a, b) => place.get(a.touchpoint)! - place.get(b.touchpoint)! || inOrder(a, b));
  }

  private observed(journey: Journey): { moment: Moment; dims: Dims }[] {
    return this.momentsOf(journey).map((moment) => {
      const touchpoint = journey.touchpoints.find(({ id }) => id === moment.touchpoint)!;
      const { observer, code } = moment;
      return { moment, dims: { ...this.dims(journey, touchpoint, touchpoint.at), observer, code } };
    });
  }
}

function touchpointOf({ data, occurredAt, type }: LoggedEvent, first: LoggedEvent): Touchpoint {
  const corrected = type === 'TouchpointCorrected';
  const sequence = corrected ? data.sequence : first.metadata.source?.sequence;
  return {
    id: first.id,
    at: Date.parse(corrected ? data.happenedAt : occurredAt),
    sequence: sequence ?? -1,
    version: data.version ?? 1,
    data,
    recorded: Date.parse(first.recordedAt),
    historical: first.metadata.historical === true,
    system: first.metadata.source?.system ?? null,
  };
}
