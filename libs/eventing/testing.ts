/** For tests: the contract of every event log, the log that lives in memory, and given / when / then for deciders. */
export { eventLogContract, type ContractLog, type ContractTraits } from './event-log.contract.js';
export { openMemoryLog } from './memory-log.js';
export { MovableClock } from './movable-clock.js';
export { fixedContext, given } from './given.js';
