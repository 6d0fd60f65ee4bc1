import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { command, Kernel, type Clock, type Executed } from '@touchstone/eventing';
import { PackCatalogue } from '@touchstone/packs';
import { CLOCK } from '@touchstone/platform';
import { journeyDecider } from './journey.js';
import { gapOf, lastTouchpoint, ObserveMoment, RateExperience } from './observations.js';
import { WholeJourneys } from './whole-journeys.js';
import { holdsTouchpoint, toHolder } from './whole-journeys.handlers.js';
import { asOne } from './whole-state.js';

/** What a person gives of a command; the rest stands in packs. */
type Given<C, Looked extends keyof C> = Omit<C, Looked>;

/** A moment as a person reports it: its code says whether it speaks for the company or against it. */
export class ReportMoment extends command<Given<ObserveMoment, 'polarity'>>() {}

/** A rating as a person gives it: the packs have the word for its gap. */
export class ReportExperience extends command<Given<RateExperience, 'label' | 'policyVersion'>>() {}

@CommandHandler(ReportMoment)
export class ReportMomentHandler {
  constructor(
    readonly kernel: Kernel,
    private readonly packs: PackCatalogue,
    readonly wholes: WholeJourneys,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async execute(c: ReportMoment): Promise<Executed> {
    const { polarity } = this.packs.moment(c.code);
    const touchpointId = c.touchpointId ?? (await this.lastOf(c));
    const observe = new ObserveMoment({ ...c, ...(touchpointId !== undefined && { touchpointId }), polarity });
    if (touchpointId === undefined) return this.kernel.execute(journeyDecider, observe);
    return this.kernel.execute(journeyDecider, await toHolder(observe, holdsTouchpoint(touchpointId), this));
  }

  /** Of everything that is seen as one; undefined: the journey is by itself, and knows. */
  private async lastOf({ journeyId, occurredAt }: ReportMoment): Promise<string | undefined> {
    const whole = await this.wholes.of(journeyId);
    const root = whole.parts[0]!.state;
    const seen = asOne(root, whole);
    if (seen === root) return undefined;
    return lastTouchpoint(seen, journeyId, occurredAt ?? this.clock.now().toISOString());
  }
}

@CommandHandler(ReportExperience)
export class ReportExperienceHandler {
  constructor(
    readonly kernel: Kernel,
    private readonly packs: PackCatalogue,
    readonly wholes: WholeJourneys,
  ) {}

  async execute(c: ReportExperience): Promise<Executed> {
    const gap = gapOf(c);
    const label = gap === undefined ? null : this.packs.experienceLabel(gap);
    const words = label && { label: label.id, policyVersion: `${label.pack}@${label.version}` };
    const rate = new RateExperience({ ...c, ...words });
    return this.kernel.execute(journeyDecider, await toHolder(rate, holdsTouchpoint(c.touchpointId), this));
  }
}

export const observationHandlers = [ReportMomentHandler, ReportExperienceHandler];
