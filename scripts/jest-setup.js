import { builtStamp, sourcesStamp } from './build-stamp.js';

/** Refuses a run whose compiled workers are older than the sources under test. */
export default function assertFreshBuild() {
  if (builtStamp() !== sourcesStamp()) {
    throw new Error('The build is stale: worker threads would run old code. Run `npm run build`, or use `npm test`.');
  }
}
