/** For tests: the contract of every event log, and the log that lives in memory. */
export { eventLogContract, type ContractLog, type ContractTraits } from './event-log.contract.js';
export { openMemoryLog } from './memory-log.js';
