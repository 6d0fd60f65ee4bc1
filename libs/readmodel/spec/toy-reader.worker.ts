import { runReadWorker } from '../read-worker.js';
import { badQuery, slowQuery, sumQuery } from './toy.js';

runReadWorker({ queries: [sumQuery, slowQuery, badQuery] });
