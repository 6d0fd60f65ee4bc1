/** The door of the read models: see README.md. */
export {
  inGroup,
  type Derivation,
  type DerivedRows,
  type IdOf,
  type Name,
  type Projection,
  type ProjectionGroup,
  type Row,
  type RowChange,
  type TableSpec,
  type UnitRows,
  type Value,
} from './projection.js';
export { heldAt, type AsOf, type Read, type ReadQuery } from './query.js';
export type { AsOfInput, ReadAnswer, ReadOptions, Reads } from './reads.js';
export { InlineReads, type InlineReadsOptions } from './inline-reads.js';
export { inspectReadStore, type StoredGeneration } from './inspect-store.js';
export { ReadStore, type Generation, type GenerationState } from './read-store.js';
export { CheckpointWaits, type WaitOptions } from './waits.js';
export type { ReadEvent } from './digest.js';
export type { ListParked, ParkedEvent, ParkReason } from './parked-events.js';
export type { RunnerState, RunnerStatus } from './runner-status.js';
export { GroupProjector, type GroupProjectorOptions, type GroupStatus } from './group-projector.js';
export type { BuildProgress, RunnerTuning } from './build-generation.js';
export type { RunnerLog, Unparked } from './projection-runner.js';
export { ProjectorHost, type ProjectedBatch, type ProjectorHostOptions } from './projector-host.js';
export { runProjectorWorker, type OpenedLog, type ProjectorWorkerParts } from './projector-worker.js';
export { ReadPool, type ReadPoolOptions } from './read-pool.js';
export type { ReadLoad } from './read-threads.js';
export { runReadWorker, type AnyQuery } from './read-worker.js';
export type { AsOfLog } from './as-of.js';
export { Campaign, type CampaignOptions, type Term } from './campaign.js';
export { fence, fenceAt, underLease } from './fence.js';
export { LEASE_TTL_MS, Leases, TRY_EVERY_MS, type LeaseState } from './leases.js';
export { holderName, leaseLost, leaseLostIn, SharedStore, type SharedStoreOptions } from './shared-store.js';
export {
  belongTo,
  likeness,
  LOG_OF_STORE,
  type LogIdentity,
  type LogLikeness,
  type LookAtLog,
} from './log-of-store.js';
export { Leadership } from './leadership.js';
export { Projections, type ProjectionStatus } from './projections.js';
export { PublishedProjections, type PublishedProjectionsOptions } from './published-projections.js';
export { leaseOfGroup, SharedProjections, type SharedProjectionsOptions } from './shared-projections.js';
export { StoreNews } from './store-news.js';
