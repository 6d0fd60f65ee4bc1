/** What observations of all kinds choose from, in the API; the values are those of the events. */
import { registerEnumType } from '@nestjs/graphql';

const PEOPLE = {
  customer: { description: 'The customer.' },
  qa: { description: 'Quality assurance, from a recording or a form.' },
  auditor: { description: 'An auditor or a mystery visitor.' },
  staff: { description: 'Staff.' },
};

/** Who observed. */
export enum Observer {
  customer = 'customer',
  qa = 'qa',
  auditor = 'auditor',
  staff = 'staff',
  rule = 'rule',
}
registerEnumType(Observer, {
  name: 'Observer',
  description: 'Who observed.',
  valuesMap: { ...PEOPLE, rule: { description: 'A rule, from what is recorded.' } },
});

/** Who of people observed. */
export enum PersonObserver {
  customer = 'customer',
  qa = 'qa',
  auditor = 'auditor',
  staff = 'staff',
}
registerEnumType(PersonObserver, { name: 'PersonObserver', description: 'Who observed.', valuesMap: PEOPLE });

/** What of a touchpoint is expected or experienced. */
export enum Aspect {
  time = 'time',
  result = 'result',
  cost = 'cost',
  attitude = 'attitude',
  information = 'information',
}
registerEnumType(Aspect, { name: 'Aspect', description: 'What of a touchpoint is expected or experienced.' });

/** How an expectation came to be known. */
export enum ExpectationKind {
  explicit = 'explicit',
  latent = 'latent',
  inferred = 'inferred',
}
registerEnumType(ExpectationKind, {
  name: 'ExpectationKind',
  description: 'How an expectation came to be known.',
  valuesMap: {
    explicit: { description: 'The customer said so.' },
    latent: { description: 'It goes without saying.' },
    inferred: { description: 'It follows from something else.' },
  },
});
