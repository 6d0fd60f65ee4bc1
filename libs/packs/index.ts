/** The door of packs: see README.md. */
export * from './read.js';
export {
  type AttributeSpec,
  type KindInForce,
  type KindSpec,
  type MomentSpec,
  type Names,
  type Traits,
  traitsSchema,
} from './kind.js';
export { PackCatalogue, SINCE_EVER, type PublishOptions } from './pack-catalogue.js';
export { checkAttributes, type PackContent } from './pack-body.js';
export { readPackFile, shippedPacks } from './pack-files.js';
export { packSamples } from './pack.samples.js';
export { kindsQuery, momentsQuery, packsQuery, inForce, type KindRow } from './packs.queries.js';
export { PacksModule } from './packs.module.js';
