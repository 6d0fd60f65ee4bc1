import { runReadWorker } from '../read-worker.js';
import { badQuery, keepingQuery, slowQuery, sumQuery } from './toy.js';

runReadWorker({ queries: [sumQuery, slowQuery, badQuery, keepingQuery] });
