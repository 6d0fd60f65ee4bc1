/** The door of packs: see README.md. */
export * from './read.js';
export { type CorrelationInForce, type CorrelationRule } from './correlation-rule.js';
export {
  type AttributeSpec,
  type ExperienceLabel,
  type ExperiencePolicy,
  type KindInForce,
  type KindSpec,
  type LabelInForce,
  type MomentInForce,
  type MomentSpec,
  type Names,
  type Traits,
  traitsSchema,
} from './kind.js';
export { PackCatalogue, type PublishOptions, type Shipped } from './pack-catalogue.js';
export { PackPublished, PackRetired } from './pack.js';
export { checkAttributes, type PackContent } from './pack-body.js';
export { readPackFile, shippedPacks } from './pack-files.js';
export { packSamples } from './pack.samples.js';
export {
  experienceQuery,
  kindsQuery,
  momentsQuery,
  packsQuery,
  type ExperienceRow,
  type KindAttributeRow,
  type KindRow,
  type MomentRow,
} from './packs.queries.js';
export { MomentPolarity } from './packs.graphql.js';
export { PacksModule } from './packs.module.js';
