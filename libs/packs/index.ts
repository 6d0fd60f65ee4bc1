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
export { PackCatalogue, type PublishOptions, type Shipped } from './pack-catalogue.js';
export { checkAttributes, type PackContent } from './pack-body.js';
export { readPackFile, shippedPacks } from './pack-files.js';
export { packSamples } from './pack.samples.js';
export { kindsQuery, momentsQuery, packsQuery, type KindAttributeRow, type KindRow } from './packs.queries.js';
export { PacksModule } from './packs.module.js';
