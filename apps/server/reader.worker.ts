/** A thread that answers queries. */
import { runReadWorker } from '@touchstone/readmodel';
import { queries } from './composition.js';

runReadWorker({ queries });
