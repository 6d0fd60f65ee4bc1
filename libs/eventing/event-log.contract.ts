/// <reference types="jest" />
import { appendCases } from './event-log.contract.append.js';
import { bulkCases, concurrencyCases, lifeCases } from './event-log.contract.concurrency.js';
import { payloadCases } from './event-log.contract.payload.js';
import { readAllCases, readStreamCases } from './event-log.contract.read.js';
import { subscribeCases } from './event-log.contract.subscribe.js';
import type { Bench, ContractLog, ContractTraits } from './event-log.contract.kit.js';
import { newId } from './ids.js';

export type { ContractLog, ContractTraits } from './event-log.contract.kit.js';

/**
 * What every engine of the event log must do, as Jest cases:
 * `eventLogContract('sqlite', { open, traits: { uniqueIds: true, fresh: true } })`.
 */
export function eventLogContract(
  name: string,
  { open, traits }: { open: () => Promise<ContractLog>; traits: ContractTraits },
): void {
  describe(`event log contract: ${name}`, () => {
    let contract: ContractLog;
    let mark: string;
    const bench: Bench = {
      get log() {
        return contract.log;
      },
      get contract() {
        return contract;
      },
      name: (kind) => `${kind}-${mark}`,
    };

    beforeEach(async () => {
      contract = await open();
      mark = newId().slice(-12);
    });
    afterEach(() => contract.close());

    describe('append', () => appendCases(bench, traits));
    describe('payloads and names', () => payloadCases(bench));
    describe('appendMany', () => bulkCases(bench, traits));
    describe('concurrency', () => concurrencyCases(bench, traits));
    describe('readStream', () => readStreamCases(bench));
    describe('readAll', () => readAllCases(bench, traits));
    describe('subscribe', () => subscribeCases(bench));
    describe('closing and reopening', () => lifeCases(bench));
  });
}
