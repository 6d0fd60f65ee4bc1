import fc from 'fast-check';
import { fixedContext, given } from '@touchstone/eventing/testing';
import type { DecidedEvent, Folded } from '@touchstone/eventing/pure';
import { TouchstoneError } from '@touchstone/eventing';
import { journeyDecider, VoidTouchpoint } from './journey.js';
import {
  ExpectationGuided,
  ExpectationRecorded,
  ExperienceRated,
  JourneyOpened,
  MomentObserved,
  MomentRetracted,
  TouchpointCorrected,
  TouchpointRecorded,
  TouchpointReviewed,
  TouchpointVoided,
  type JourneyEvent,
  type TouchpointContent,
} from './journey.events.js';
import { initial, type Journey } from './journey-state.js';
import {
  DeriveMoment,
  gapOf,
  GuideExpectation,
  ObserveMoment,
  RateExperience,
  RecordExpectation,
  RetractMoment,
  ReviewTouchpoint,
  WithdrawMoment,
} from './observations.js';
import type { Moment } from './observations-state.js';

const uuid = (n: number) => `0190a1b2-0000-7000-8000-${String(n).padStart(12, '0')}`;
const journeyId = uuid(1);
const [callId, repairId, unknownId, momentId, entryId] = [uuid(10), uuid(11), uuid(99), uuid(20), uuid(30)];
const content: TouchpointContent = {
  kind: 'contact.call-received',
  kindVersion: 1,
  traits: { closes: false, contact: true, customerVisible: true },
};
const [callAt, repairAt] = ['2024-05-01T07:00:00+08:00', '2024-05-01T09:30:00+08:00'];
const call = TouchpointRecorded(content, { id: callId, occurredAt: callAt });
const repair = TouchpointRecorded(content, { id: repairId, occurredAt: repairAt });
const past = (...events: readonly DecidedEvent[]) =>
  given(journeyDecider, [JourneyOpened({ journeyType: 'fault-repair' }), call, repair, ...events]);
const nothing = given(journeyDecider, []);
const atCall = { journeyId, touchpointId: callId };
const besideCall = { occurredAt: callAt, subject: `journey:${journeyId}` };
const voided = TouchpointVoided({ touchpointId: callId, reason: 'r' });

const arguing = { code: 'NEG-01', polarity: 'negative' as const, observer: 'qa' as const };
const byPerson = MomentObserved({ touchpointId: callId, ...arguing, intensity: 1 }, { id: momentId });
const retracted = (byRule?: true) => MomentRetracted({ momentId, reason: 'r', ...(byRule && { byRule }) });

describe('every observation', () => {
  const commands = [
    (on: typeof atCall) => new ObserveMoment({ ...on, ...arguing }),
    (on: typeof atCall) => new ReviewTouchpoint({ ...on, observer: 'qa' }),
    (on: typeof atCall) => new RecordExpectation({ ...on, aspect: 'time', kind: 'explicit', observer: 'customer' }),
    (on: typeof atCall) => new GuideExpectation({ ...on, aspect: 'time' }),
    (on: typeof atCall) => new RateExperience({ ...on, observer: 'customer', gap: 0 }),
  ];

  it.each(commands)('needs a touchpoint that is there: %#', (command) => {
    nothing.when(command(atCall)).thenRefused('JOURNEY_UNKNOWN');
    past()
      .when(command({ journeyId, touchpointId: unknownId }))
      .thenRefused('TOUCHPOINT_UNKNOWN');
    past(voided).when(command(atCall)).thenRefused('TOUCHPOINT_VOID');
  });

  it.each(commands)('stands beside its touchpoint, as it was corrected, or at the time given: %#', (command) => {
    const times = (of: ReturnType<typeof past>, over: object = {}) => {
      const rule = journeyDecider.commands.find((r) => r.command === command(atCall).constructor)!;
      const made = Object.assign(command(atCall), over);
      return rule.decide(made as never, of.state, fixedContext()).map((e) => e.occurredAt);
    };
    const corrected = { ...content, touchpointId: callId, version: 2, happenedAt: repairAt, reason: 'r' };
    expect(times(past())).toEqual([callAt]);
    expect(times(past(TouchpointCorrected(corrected)))).toEqual([repairAt]);
    expect(times(past(), { occurredAt: '2024-05-02T08:00:00+08:00' })).toEqual(['2024-05-02T08:00:00+08:00']);
  });
});

describe("a person's moment", () => {
  it('is observed with what is said of it; it is of middling weight unless said otherwise', () => {
    past()
      .when(new ObserveMoment({ ...atCall, ...arguing, momentId, note: 'cut short', evidence: 'rec-1', intensity: 3 }))
      .then(
        MomentObserved(
          { touchpointId: callId, ...arguing, intensity: 3, note: 'cut short', evidence: 'rec-1' },
          { id: momentId, ...besideCall },
        ),
      );
    past()
      .when(new ObserveMoment({ ...atCall, ...arguing }))
      .then(MomentObserved({ touchpointId: callId, ...arguing, intensity: 1 }, besideCall));
  });

  it("is sealed with the journey's key, also where a customer is known", () => {
    const customerId = uuid(2);
    given(journeyDecider, [JourneyOpened({ journeyType: 'fault-repair', customerId }), call])
      .when(new ObserveMoment({ ...atCall, ...arguing, note: 'n' }))
      .then(MomentObserved({ touchpointId: callId, ...arguing, intensity: 1, note: 'n' }, besideCall));
  });

  it('without a touchpoint belongs to the last one that was lived by then', () => {
    const observe = (occurredAt?: string) => new ObserveMoment({ journeyId, ...arguing, occurredAt });
    const at = (touchpointId: string, occurredAt: string) =>
      MomentObserved({ touchpointId, ...arguing, intensity: 1 }, { ...besideCall, occurredAt });
    past().when(observe('2024-05-01T08:00:00+08:00')).then(at(callId, '2024-05-01T08:00:00+08:00'));
    past().when(observe(repairAt)).then(at(repairId, repairAt));
    past().when(observe()).then(at(repairId, repairAt));
    past(TouchpointVoided({ touchpointId: repairId, reason: 'r' }))
      .when(observe())
      .then(at(callId, callAt));
    const later = TouchpointRecorded(content, {
      id: uuid(12),
      occurredAt: repairAt,
      source: { system: 's', sequence: 0 },
    });
    past(later)
      .when(observe(repairAt))
      .then(at(uuid(12), repairAt));
    past().when(observe('2024-05-01T06:00:00+08:00')).thenRefused('TOUCHPOINT_MISSING');
    nothing.when(observe()).thenRefused('JOURNEY_UNKNOWN');
  });

  it('is observed once under its id, whatever became of it and of its touchpoint', () => {
    const again = new ObserveMoment({ ...atCall, ...arguing, momentId });
    past(byPerson).when(again).thenNothing();
    past(byPerson, retracted()).when(again).thenNothing();
    past(byPerson, voided).when(again).thenNothing();
  });

  it('is taken back once, by a person only', () => {
    const retract = new RetractMoment({ journeyId, momentId, reason: 'r' });
    past(byPerson).when(retract).then(retracted());
    past(byPerson, voided).when(retract).then(retracted());
    past(byPerson, retracted()).when(retract).thenNothing();
    past().when(retract).thenRefused('MOMENT_UNKNOWN');
    nothing.when(retract).thenRefused('JOURNEY_UNKNOWN');
    past(byPerson)
      .when(new WithdrawMoment({ journeyId, momentId, reason: 'r' }))
      .thenRefused('MOMENT_OF_A_PERSON');
  });
});

describe("a rule's moment", () => {
  const derive = {
    ...atCall,
    code: 'NEG-S3',
    polarity: 'negative' as const,
    cause: callId,
    ruleVersion: 2,
    occurredAt: callAt,
    momentId: uuid(21),
  };
  const derived = (id = momentId, code = 'NEG-S3', cause = callId) =>
    MomentObserved(
      {
        touchpointId: callId,
        code,
        polarity: 'negative',
        intensity: 1,
        observer: 'rule',
        rule: { version: 2, cause },
      },
      { id, occurredAt: callAt, policyVersion: `${code}@2`, causationId: cause },
    );

  it('says its rule, the version and the cause, and has the time of what it judges', () => {
    past()
      .when(new DeriveMoment(derive))
      .then(derived(uuid(21)));
    past()
      .when(new DeriveMoment({ ...derive, momentId: undefined }))
      .then({ ...derived(), id: undefined });
  });

  it('stands once for each code and cause', () => {
    past(derived()).when(new DeriveMoment(derive)).thenNothing();
    past(derived())
      .when(new DeriveMoment({ ...derive, touchpointId: repairId, ruleVersion: 3 }))
      .thenNothing();
    past(derived())
      .when(new DeriveMoment({ ...derive, code: 'NEG-S5' }))
      .then(derived(uuid(21), 'NEG-S5'));
    past(derived())
      .when(new DeriveMoment({ ...derive, cause: repairId }))
      .then(derived(uuid(21), 'NEG-S3', repairId));
  });

  it('that the rule withdrew may come again, under another id', () => {
    past(derived(), retracted(true))
      .when(new DeriveMoment(derive))
      .then(derived(uuid(21)));
    past(derived(), retracted(true))
      .when(new DeriveMoment({ ...derive, momentId }))
      .thenNothing();
  });

  it('that a person took back does not come again for this cause', () => {
    past(derived(), retracted()).when(new DeriveMoment(derive)).thenNothing();
    past(derived(), retracted(), retracted(true)).when(new DeriveMoment(derive)).thenNothing();
    past(derived(), retracted())
      .when(new DeriveMoment({ ...derive, cause: repairId }))
      .then(derived(uuid(21), 'NEG-S3', repairId));
  });

  it("gives way to a person's of the same polarity at the same touchpoint, while that one stands", () => {
    past(byPerson).when(new DeriveMoment(derive)).thenNothing();
    past(byPerson, retracted())
      .when(new DeriveMoment(derive))
      .then(derived(uuid(21)));
    const thanked = MomentObserved({ touchpointId: callId, ...arguing, polarity: 'positive', intensity: 1 });
    past(thanked)
      .when(new DeriveMoment(derive))
      .then(derived(uuid(21)));
    const elsewhere = MomentObserved({ touchpointId: repairId, ...arguing, intensity: 1 });
    past(elsewhere)
      .when(new DeriveMoment(derive))
      .then(derived(uuid(21)));
    past(derived(uuid(22), 'NEG-S5'))
      .when(new DeriveMoment(derive))
      .then(derived(uuid(21)));
  });

  it('is about a touchpoint that holds', () => {
    past(voided).when(new DeriveMoment(derive)).thenNothing();
    past()
      .when(new DeriveMoment({ ...derive, touchpointId: unknownId }))
      .thenRefused('TOUCHPOINT_UNKNOWN');
    nothing.when(new DeriveMoment(derive)).thenRefused('JOURNEY_UNKNOWN');
  });

  it('is withdrawn by its rule once, and taken back by a person', () => {
    const withdraw = new WithdrawMoment({ journeyId, momentId, reason: 'r' });
    past(derived()).when(withdraw).then(retracted(true));
    past(derived(), voided).when(withdraw).then(retracted(true));
    past(derived(), retracted(true)).when(withdraw).thenNothing();
    past(derived(), retracted()).when(withdraw).thenNothing();
    past(derived())
      .when(new RetractMoment({ journeyId, momentId, reason: 'r' }))
      .then(retracted());
    past(derived(), retracted(true))
      .when(new RetractMoment({ journeyId, momentId, reason: 'r' }))
      .thenNothing();
    past().when(withdraw).thenRefused('MOMENT_UNKNOWN');
    nothing.when(withdraw).thenRefused('JOURNEY_UNKNOWN');
  });
});

describe('a review', () => {
  it('is noted once for each observer and touchpoint', () => {
    const review = new ReviewTouchpoint({ ...atCall, observer: 'qa' });
    const reviewed = TouchpointReviewed({ touchpointId: callId, observer: 'qa' }, besideCall);
    past().when(review).then(reviewed);
    past(reviewed).when(review).thenNothing();
    past(reviewed)
      .when(new ReviewTouchpoint({ ...atCall, observer: 'auditor' }))
      .then(TouchpointReviewed({ touchpointId: callId, observer: 'auditor' }, besideCall));
    past(reviewed)
      .when(new ReviewTouchpoint({ journeyId, touchpointId: repairId, observer: 'qa' }))
      .then(TouchpointReviewed({ touchpointId: repairId, observer: 'qa' }, { ...besideCall, occurredAt: repairAt }));
  });
});

describe('an expectation', () => {
  const [half, full] = [
    { value: 30, unit: 'min' },
    { value: 60, unit: 'min' },
  ];
  const said = { aspect: 'time', kind: 'explicit', desired: half, adequate: full, observer: 'customer' } as const;
  const recorded = ExpectationRecorded(
    { touchpointId: callId, ...said, statement: 'the pond cannot wait' },
    { ...besideCall, id: entryId },
  );

  it('is recorded once under its id', () => {
    const record = { ...atCall, ...said, statement: 'the pond cannot wait' };
    past()
      .when(new RecordExpectation({ ...record, expectationId: entryId }))
      .then(recorded);
    past(recorded)
      .when(new RecordExpectation({ ...record, expectationId: entryId }))
      .thenNothing();
    past(recorded)
      .when(new RecordExpectation(record))
      .then({ ...recorded, id: undefined });
  });

  it('is guided, the one that was recorded or one that was only heard', () => {
    const guide = { ...atCall, aspect: 'time', from: half, to: full, script: 'F1', accepted: true } as const;
    const guided = (expectationId?: string) =>
      ExpectationGuided(
        { touchpointId: callId, aspect: 'time', expectationId, from: half, to: full, script: 'F1', accepted: true },
        { ...besideCall, id: uuid(31) },
      );
    const of = { ...guide, guidanceId: uuid(31), expectationId: entryId };
    past(recorded).when(new GuideExpectation(of)).then(guided(entryId));
    past()
      .when(new GuideExpectation({ ...guide, guidanceId: uuid(31) }))
      .then(guided());
    past(recorded, guided(entryId)).when(new GuideExpectation(of)).thenNothing();
    past().when(new GuideExpectation(of)).thenRefused('EXPECTATION_UNKNOWN');
    past(recorded)
      .when(new GuideExpectation({ ...of, expectationId: callId }))
      .thenRefused('EXPECTATION_UNKNOWN');
  });
});

describe('a rating', () => {
  const rate = { ...atCall, observer: 'customer', ratingId: entryId } as const;
  const rated = (data: object) =>
    ExperienceRated({ touchpointId: callId, observer: 'customer', ...data }, { ...besideCall, id: entryId });

  it('has the gap of its two sides, in the words of the policy', () => {
    past()
      .when(
        new RateExperience({
          ...rate,
          aspect: 'time',
          experience: 1,
          expectation: 0,
          label: 'very-satisfied',
          policyVersion: 'common@2',
          comment: 'fast',
        }),
      )
      .then({
        ...rated({
          aspect: 'time',
          experience: 1,
          expectation: 0,
          gap: 1,
          label: 'very-satisfied',
          comment: 'fast',
        }),
        policyVersion: 'common@2',
      });
  });

  it.each([
    [{ experience: 2, expectation: -2 }, 2],
    [{ experience: -2, expectation: 1 }, -2],
    [{ experience: 2, expectation: -2, gap: 2 }, 2],
    [{ experience: -1, expectation: -1 }, 0],
    [{ gap: -1 }, -1],
    [{ gap: 1, experience: 2 }, 1],
    [{ gap: 1, expectation: 0 }, 1],
    [{ experience: 1 }, undefined],
  ])('%j has the gap %s', (sides, gap) => {
    expect(gapOf(sides)).toBe(gap);
    past()
      .when(new RateExperience({ ...rate, ...sides }))
      .then(rated({ ...sides, gap }));
  });

  it('is refused where it says nothing, or contradicts itself', () => {
    past().when(new RateExperience(rate)).thenRefused('RATING_EMPTY');
    past()
      .when(new RateExperience({ ...rate, expectation: 1 }))
      .thenRefused('RATING_EMPTY');
    past()
      .when(new RateExperience({ ...rate, experience: 1, expectation: 0, gap: 0 }))
      .thenRefused('RATING_CONTRADICTORY');
    past()
      .when(new RateExperience({ ...rate, experience: 2, expectation: -2, gap: 1 }))
      .thenRefused('RATING_CONTRADICTORY');
  });

  it('is taken once under its id', () =>
    past(rated({ gap: 1 }))
      .when(new RateExperience({ ...rate, gap: -1 }))
      .thenNothing());
});

describe('whatever people and rules do, in any order', () => {
  const touchpoints = [callId, repairId];
  const ids = [40, 41, 42, 43, 44, 45, 46, 47].map(uuid);
  const [touchpointId, id, code, cause] = [
    fc.constantFrom(...touchpoints),
    fc.constantFrom(...ids),
    fc.constantFrom('NEG-S3', 'NEG-S5', 'POS-S2'),
    fc.constantFrom(...touchpoints),
  ];
  const polarityOf = (of: string): Moment['polarity'] => (of.startsWith('NEG') ? 'negative' : 'positive');
  const command: fc.Arbitrary<object> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ touchpointId, id: fc.option(id, { nil: undefined }), code, cause }).map(derive),
    },
    { weight: 2, arbitrary: fc.record({ touchpointId, id, code }).map(observe) },
    { weight: 2, arbitrary: id.map((momentId) => new RetractMoment({ journeyId, momentId, reason: 'r' })) },
    { weight: 3, arbitrary: id.map((momentId) => new WithdrawMoment({ journeyId, momentId, reason: 'r' })) },
    {
      weight: 1,
      arbitrary: touchpointId.map((of) => new VoidTouchpoint({ journeyId, touchpointId: of, reason: 'r' })),
    },
  );
  function derive({
    id: momentId,
    code: of,
    ...on
  }: {
    touchpointId: string;
    id?: string;
    code: string;
    cause: string;
  }) {
    const rule = { ruleVersion: 1, occurredAt: callAt };
    return new DeriveMoment({ journeyId, momentId, code: of, polarity: polarityOf(of), ...rule, ...on });
  }
  function observe(on: { touchpointId: string; id: string; code: string }) {
    const { id: momentId, code: of, touchpointId: at } = on;
    return new ObserveMoment({
      journeyId,
      momentId,
      touchpointId: at,
      code: of,
      polarity: polarityOf(of),
      observer: 'qa',
    });
  }
  /** What the events say: rules' moments that stand, by what they are known by; those a person took back; people's. */
  interface Seen {
    readonly held: Map<string, string>;
    readonly refuted: Set<string>;
    readonly people: Map<string, string>;
  }
  const known = (moment: { code: string; cause?: string }) => `${moment.code} ${moment.cause}`;

  it('a rule stands at most once for a cause, never against a person', () => {
    let [derivedOnce, refusedToPerson] = [0, 0];
    fc.assert(
      fc.property(fc.array(command, { minLength: 10, maxLength: 40 }), (commands) => {
        const context = fixedContext();
        let journey: Journey = [JourneyOpened({ journeyType: 'x' }), call, repair].reduce(
          (state, event) => journeyDecider.evolve(state, folded(event, uuid(1))),
          initial(),
        );
        const seen: Seen = { held: new Map(), refuted: new Set(), people: new Map() };
        const rules = new Map<string, string>();
        for (const each of commands) {
          const events = decided(each, journey, context);
          for (const event of events) {
            const eventId = event.id ?? context.newId();
            check(event, eventId, journey, seen, rules);
            journey = journeyDecider.evolve(journey, folded(event, eventId));
            derivedOnce += rules.has(eventId) ? 1 : 0;
          }
          if (each instanceof ObserveMoment) refusedToPerson += events.length === 0 ? 1 : 0;
        }
        const held = [...(journey.observations?.moments ?? [])].filter(([, m]) => m.held && m.cause !== undefined);
        expect(new Map(held.map(([momentOf, m]) => [known(m), momentOf]))).toEqual(seen.held);
        expect(held).toHaveLength(seen.held.size);
      }),
      { numRuns: 300 },
    );
    // The property is about something: rules did observe, and people were told that it is so already.
    expect(Math.min(derivedOnce, refusedToPerson)).toBeGreaterThan(100);
  });

  /** Keeps its own books of what stands, from the events alone. */
  function check(event: DecidedEvent, eventId: string, journey: Journey, seen: Seen, rules: Map<string, string>): void {
    if (event.type === 'MomentObserved') {
      const data = event.data as Moment & { rule?: { cause: string } };
      const place = `${data.touchpointId} ${data.polarity}`;
      if (!data.rule) {
        seen.people.set(eventId, place);
        return;
      }
      expect([...seen.people.values()]).not.toContain(place);
      const name = known({ code: data.code, cause: data.rule.cause });
      expect([name, seen.held.has(name), seen.refuted.has(name)]).toEqual([name, false, false]);
      expect(event.causationId).toBe(data.rule.cause);
      seen.held.set(name, eventId);
      rules.set(eventId, name);
    } else if (event.type === 'MomentRetracted') {
      const { momentId: of, byRule = false } = event.data as { momentId: string; byRule?: boolean };
      expect(journey.observations?.moments.get(of)?.held).toBe(true);
      const name = rules.get(of);
      seen.people.delete(of);
      expect(byRule && name === undefined).toBe(false);
      if (name === undefined) return;
      seen.held.delete(name);
      if (!byRule) seen.refuted.add(name);
    }
  }

  function decided(each: object, journey: Journey, context: ReturnType<typeof fixedContext>): readonly DecidedEvent[] {
    const rule = journeyDecider.commands.find((r) => r.command === each.constructor)!;
    try {
      return rule.decide(each as never, journey, context);
    } catch (error) {
      if (error instanceof TouchstoneError && error.kind === 'refused') return [];
      throw error;
    }
  }

  const folded = (event: DecidedEvent, eventId: string) =>
    ({ ...event, id: event.id ?? eventId, occurredAt: event.occurredAt ?? callAt }) as Folded as JourneyEvent;
});
