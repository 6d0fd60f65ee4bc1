/** The door of interchange: see README.md. */
export * from './read.js';
export { InterchangeModule } from './interchange.module.js';
export { registerStreamingBodies } from './streaming-bodies.js';
export { readXes, type ReadXes } from './xes-reader.js';
export {
  TRACE_KEY,
  XES_LIMITS,
  type XesAttribute,
  type XesEvent,
  type XesLimits,
  type XesLog,
  type XesPart,
  type XesTrace,
} from './xes.js';
export { checkedOptions, type XesMappingOptions } from './xes-options.js';
export { XesMapping, type MappedTrace } from './xes-mapping.js';
export type { Fault, MappedLog, UnreadableRecord } from './mapped-log.js';
export type { Loss, LossKind } from './loss-report.js';
export { FileImporter } from './import-job.js';
export type { FileReading, ReadingInto } from './file-reading.js';
export { xesReading } from './xes-reading.js';
export { csvReading } from './csv-reading.js';
export { readCsv, type CsvHeader, type CsvPart, type ReadCsv } from './csv-reader.js';
export { proposeMapping, type MappingProposal, type ProposalOptions } from './csv-proposal.js';
export { isZone } from './local-time.js';
export { proposalText, proposedMapping } from './csv-proposal-text.js';
export { readMapping, type MappingOverrides } from './csv-mapping-file.js';
export type { CheckedMapping, CsvMapping } from './csv-mapping.js';
export type { ImporterParts, ImportOptions, ImportProgress, ImportResult, ImportSource } from './import-types.js';
export { RunningImports } from './running-imports.js';
export { Quarantine, type Quarantined, type QuarantineFilter, type Unreadable } from './quarantine.js';
export { QuarantineMending, type Selection } from './quarantine-mending.js';
export { CloudEventIntake, type CloudEventAnswer } from './cloudevents-intake.js';
export { OBJECT_FACT_RECORDED, objectFactDataSchema } from './cloudevents-objects.js';
export {
  CONTEXT_KEY,
  LARGEST_CLOUD_EVENT,
  readCloudEvent,
  TOUCHPOINT_RECORDED,
  touchpointDataSchema,
  type TouchpointData,
} from './cloudevents.js';
export type { ExportReport } from './export-report.js';
export { EXPORT_HEADER } from './exports.controller.js';
