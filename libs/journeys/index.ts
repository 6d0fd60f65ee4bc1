/** The door of journeys: see README.md. */
export * from './read.js';
export { FactIntake } from './fact-intake.js';
export type { Mentions } from './forgetting-mentions.js';
export { Forgetting, type TracePlace } from './forgetting.service.js';
export { FigureReader } from './figure-reader.js';
export { JourneyReader } from './journey-reader.js';
export { journeySamples } from './journey.samples.js';
export { JourneysModule } from './journeys.module.js';
export {
  ChangeObject,
  CorrectObjectFact,
  LinkObjects,
  objectDecider,
  RecordObjectFact,
  VoidObjectFact,
} from './object.js';
export {
  objectName,
  objectStream,
  type Audience,
  type CustomerLink,
  type ObjectFactContent,
  type ObjectLink,
} from './object.events.js';
export { ObjectFactIntake, type ObjectFactOutcome, type ObjectFactReport } from './object-fact-intake.js';
export { ObjectIntake, type ObjectStatement, type StatementOutcome } from './object-intake.js';
export { objectSamples } from './object.samples.js';
export { Lane, type LaneTurn } from './lane.js';
export { Loads, OpenLoads } from './open-loads.js';
export type { FactOutcome, TouchpointFact, UnplacedFact } from './touchpoint-fact.js';
