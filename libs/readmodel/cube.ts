/** The light door of cubes, for derivations, queries and worker threads: nothing behind it loads Nest. */
export { cubeTables, type CubeSpec } from './cube-spec.js';
export { buffersOf, CubeDelta, type CubeSums } from './cube-delta.js';
export { readCube, type CubeAsk, type CubeGroup } from './cube-read.js';
export { BUCKET_ERROR, bucketOf, percentileOf, valueOf } from './log-buckets.js';
