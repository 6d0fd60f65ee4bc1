import { CommandHandler } from '@nestjs/cqrs';
import { command, Kernel, type Executed } from '@touchstone/eventing';
import { PackCatalogue } from '@touchstone/packs';
import { journeyDecider } from './journey.js';
import { gapOf, ObserveMoment, RateExperience } from './observations.js';

/** What a person gives of a command; the rest stands in packs. */
type Given<C, Looked extends keyof C> = Omit<C, Looked>;

/** A moment as a person reports it: its code says whether it speaks for the company or against it. */
export class ReportMoment extends command<Given<ObserveMoment, 'polarity'>>() {}

/** A rating as a person gives it: the packs have the word for its gap. */
export class ReportExperience extends command<Given<RateExperience, 'label' | 'policyVersion'>>() {}

@CommandHandler(ReportMoment)
export class ReportMomentHandler {
  constructor(
    private readonly kernel: Kernel,
    private readonly packs: PackCatalogue,
  ) {}

  async execute(c: ReportMoment): Promise<Executed> {
    const { polarity } = this.packs.moment(c.code);
    return this.kernel.execute(journeyDecider, new ObserveMoment({ ...c, polarity }));
  }
}

@CommandHandler(ReportExperience)
export class ReportExperienceHandler {
  constructor(
    private readonly kernel: Kernel,
    private readonly packs: PackCatalogue,
  ) {}

  async execute(c: ReportExperience): Promise<Executed> {
    const gap = gapOf(c);
    const label = gap === undefined ? null : this.packs.experienceLabel(gap);
    const words = label && { label: label.id, policyVersion: `${label.pack}@${label.version}` };
    return this.kernel.execute(journeyDecider, new RateExperience({ ...c, ...words }));
  }
}

export const observationHandlers = [ReportMomentHandler, ReportExperienceHandler];
