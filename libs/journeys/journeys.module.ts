import { join } from 'node:path';
import { Logger, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { EventRegistry, handlersFor, Kernel, type Clock, type EventLog, type Vault } from '@touchstone/eventing';
import { PackCatalogue, PacksModule } from '@touchstone/packs';
import {
  CLOCK,
  CONFIG,
  EVENT_LOG,
  LEADING,
  LedPolicy,
  Policies,
  PolicyCheckpoint,
  PublishedPolicies,
  READS,
  SHARED_STORE,
  SharedPolicyCheckpoint,
  VAULT,
  type Config,
  type Leading,
  type Queries,
} from '@touchstone/platform';
import { Projections, type Reads } from '@touchstone/readmodel';
import { CommandsResolver } from './commands.resolver.js';
import { customerDecider, ForgetCustomer, MergeCustomers, NameCustomer, RegisterCustomer } from './customer.js';
import { EnrolCustomerHandler, MergeCustomersHandler } from './customer.handlers.js';
import { FactIntake } from './fact-intake.js';
import { FollowUps } from './follow-ups.js';
import { FollowUpsPolicy } from './follow-ups.policy.js';
import { FigureReader } from './figure-reader.js';
import { ForgettingResolver } from './forgetting.resolver.js';
import { Forgetting } from './forgetting.service.js';
import { JourneyReader } from './journey-reader.js';
import { journeyHandlers } from './journey.handlers.js';
import { JourneyJoining } from './journey-joining.js';
import { linkingHandlers } from './journey-linking.handlers.js';
import { JourneyLinkingResolver } from './journey-linking.resolver.js';
import { LearnOfPart, MergeJourneys, SplitJourney } from './journey-merging.js';
import { CorrectTouchpoint, journeyDecider, OpenJourney, RecordTouchpoint } from './journey.js';
import { observationHandlers } from './observations.handlers.js';
import { DeriveMoment, ObserveMoment, RateExperience, WithdrawMoment } from './observations.js';
import { ObservationsResolver } from './observations.resolver.js';
import { CustomersResolver, FiguresResolver, JourneysResolver } from './journeys.resolver.js';
import { MetricReader } from './metrics/metric-reader.js';
import { MetricsResolver } from './metrics/metrics.resolver.js';
import { ConfirmMatch, DoubtMatch, matchDecider } from './match.js';
import { MomentReader } from './moments.reader.js';
import { MomentsResolver } from './moments.resolver.js';
import { objectHandlers } from './object.handlers.js';
import { ChangeObject, LinkObjects, objectDecider, RecordObjectFact, CorrectObjectFact } from './object.js';
import { ObjectFactIntake } from './object-fact-intake.js';
import { ObjectReader } from './object-reader.js';
import {
  AudienceMembersResolver,
  ObjectCommandsResolver,
  ObjectsResolver,
  SharedFactsResolver,
} from './objects.resolver.js';
import { OpenEnds } from './open-ends.js';
import { Loads, OpenLoads } from './open-loads.js';
import { ReadFactPlaces } from './read-fact-places.js';
import { ReadPeople } from './read-people.js';
import { RuleMoments } from './rule-moments.policy.js';
import { SharedLoads } from './shared-loads.js';
import { WholeJourneys } from './whole-journeys.js';
import { routedCommands, wholeJourneyHandlers } from './whole-journeys.handlers.js';

/** Commands that have a handler written by hand, or that a policy gives to the kernel itself. */
const notForPeople = [
  OpenJourney,
  RecordTouchpoint,
  CorrectTouchpoint,
  ObserveMoment,
  RateExperience,
  DeriveMoment,
  WithdrawMoment,
  MergeJourneys,
  SplitJourney,
  LearnOfPart,
  ...routedCommands,
];

/** Customers, journeys, touchpoints: their commands, reads and figures. */
@Module({
  imports: [CqrsModule, PacksModule],
  providers: [
    ...handlersFor(journeyDecider, { except: notForPeople }),
    ...handlersFor(customerDecider, { except: [RegisterCustomer, NameCustomer, MergeCustomers, ForgetCustomer] }),
    ...handlersFor(objectDecider, { except: [RecordObjectFact, CorrectObjectFact, ChangeObject, LinkObjects] }),
    ...journeyHandlers,
    ...handlersFor(matchDecider, { except: [DoubtMatch, ConfirmMatch] }),
    ...observationHandlers,
    ...linkingHandlers,
    ...wholeJourneyHandlers,
    { provide: WholeJourneys, inject: [Kernel], useFactory: (kernel: Kernel) => new WholeJourneys(kernel) },
    { provide: JourneyJoining, inject: [Kernel], useFactory: (kernel: Kernel) => new JourneyJoining(kernel) },
    ...objectHandlers,
    EnrolCustomerHandler,
    MergeCustomersHandler,
    {
      provide: FactIntake,
      inject: [Kernel, VAULT, PackCatalogue, READS, JourneyJoining, OpenEnds, ReadPeople],
      useFactory: (
        kernel: Kernel,
        vault: Vault,
        packs: PackCatalogue,
        reads: Reads,
        joining: JourneyJoining,
        ends: OpenEnds,
        people: ReadPeople,
      ) => new FactIntake(kernel, vault, packs, { places: new ReadFactPlaces(reads), people, joining, ends }),
    },
    { provide: ReadPeople, inject: [READS], useFactory: (reads: Reads) => new ReadPeople(reads) },
    { provide: OpenEnds, useFactory: () => new OpenEnds() },
    {
      provide: FollowUpsPolicy,
      inject: [EVENT_LOG, Kernel, EventRegistry, FactIntake, OpenEnds, Loads, CONFIG, Policies, LEADING, SHARED_STORE],
      useFactory: followUps,
    },
    { provide: Loads, inject: [CONFIG, SHARED_STORE], useFactory: openLoads },
    {
      provide: ObjectFactIntake,
      inject: [Kernel, PackCatalogue, FactIntake],
      useFactory: (kernel: Kernel, packs: PackCatalogue, intake: FactIntake) =>
        new ObjectFactIntake(kernel, packs, intake),
    },
    {
      provide: RuleMoments,
      inject: [EVENT_LOG, READS, Kernel, CLOCK, Loads, Projections, CONFIG, Policies, LEADING, SHARED_STORE],
      useFactory: ruleMoments,
    },
    Forgetting,
    ForgettingResolver,
    JourneyReader,
    MomentReader,
    MetricReader,
    FigureReader,
    JourneysResolver,
    CustomersResolver,
    FiguresResolver,
    MetricsResolver,
    MomentsResolver,
    CommandsResolver,
    ObservationsResolver,
    JourneyLinkingResolver,
    ObjectReader,
    ObjectsResolver,
    SharedFactsResolver,
    AudienceMembersResolver,
    ObjectCommandsResolver,
  ],
  exports: [FactIntake, ObjectFactIntake, Forgetting, JourneyReader, FigureReader, Loads],
})
export class JourneysModule {}

/** Of a house whose history is not complete yet, one load never ends. */
async function openLoads({ historyOpen }: Config, store: Queries | null): Promise<Loads> {
  const loads = store ? new SharedLoads(store) : new OpenLoads();
  if (historyOpen) {
    await loads.begin();
    const message = 'HISTORY_OPEN is set: no rule observes a moment until a start without it.';
    new Logger('RuleMoments').warn(message, { event: 'HISTORY_OPEN' });
  }
  return loads;
}

/** What time decides: the process that has the role `clock` does it. */
function ruleMoments(
  log: EventLog,
  reads: Reads,
  kernel: Kernel,
  clock: Clock,
  loads: Loads,
  projections: Projections,
  { roles }: Config,
  policies: Policies,
  leading: Leading | null,
  store: Queries | null,
): LedPolicy {
  const logger = new Logger('RuleMoments');
  const checkpoints = (options: { signal: AbortSignal }) => projections.onCheckpoint('journeys', options);
  const warn = (message: string, code: string) =>
    logger.warn(message, { event: 'POLICY_FAILED', policy: 'rule-moments', code });
  const make = () => new RuleMoments({ log, reads, kernel, clock, loads, checkpoints, warn });
  const published = store && new PublishedPolicies(store);
  const policy = new LedPolicy({ name: 'rule-moments', make, leading, isWanted: roles.includes('clock'), published });
  policies.add(policy);
  return policy;
}

/** What follows from events: a house without it shows merges by halves, and none is without a projector. */
function followUps(
  log: EventLog,
  kernel: Kernel,
  registry: EventRegistry,
  { follows: facts }: FactIntake,
  ends: OpenEnds,
  loads: Loads,
  { dataDir, roles }: Config,
  policies: Policies,
  leading: Leading | null,
  store: Queries | null,
): LedPolicy {
  const logger = new Logger('FollowUps');
  const warn = (message: string, code: string) =>
    logger.warn(message, { event: 'POLICY_FAILED', policy: 'follow-ups', code });
  const policy = new LedPolicy({
    name: 'follow-ups',
    leading,
    isWanted: roles.includes('projector'),
    published: store && new PublishedPolicies(store),
    make: (term) => {
      const follows = new FollowUps({ log, kernel, registry, follows: facts, ends, othersRecord: term !== null });
      const checkpoint =
        term && store
          ? new SharedPolicyCheckpoint(store, 'follow-ups', term)
          : new PolicyCheckpoint(join(dataDir, 'policies', 'follow-ups.json'));
      return new FollowUpsPolicy({ log, follows, checkpoint, loads, warn });
    },
  });
  policies.add(policy);
  return policy;
}
