import { given } from '@touchstone/eventing/testing';
import {
  customerDecider,
  CustomerForgotten,
  CustomerRegistered,
  CustomersMerged,
  CustomersUnmerged,
  CustomerUpdated,
  ForgetCustomer,
  MergeCustomers,
  NameCustomer,
  RegisterCustomer,
  UnmergeCustomers,
  UpdateCustomer,
} from './customer.js';
import { BindKey, KeyBound, keyDecider, KeyReleased, ReleaseKey } from './lookup-key.js';

const uuid = (n: number) => `0190a1b2-0000-7000-8000-${String(n).padStart(12, '0')}`;
const [customerId, survivorId, thirdId] = [uuid(1), uuid(2), uuid(3)];
const subject = `customer:${customerId}`;
const identifiers = [{ type: 'phone', value: '13800000000' }];
const registered = CustomerRegistered({ identifiers, segment: 'resident' }, { subject });
const merged = CustomersMerged({ survivorId, reason: 'same meter' });
const forgotten = CustomerForgotten({ reason: 'asked to' });
const past = (...events: Parameters<typeof given>[1]) => given(customerDecider, [registered, ...events]);
const nobody = given(customerDecider, []);

describe('merging customers', () => {
  const merge = new MergeCustomers({ customerId, survivorId, reason: 'same meter' });
  const intoThird = new MergeCustomers({ customerId, survivorId: thirdId, reason: 'r' });
  const unmerge = new UnmergeCustomers({ customerId, reason: 'father and son' });
  const unmerged = CustomersUnmerged({ survivorId, reason: 'father and son' });

  it('happens once, and can be undone', () => {
    past().when(merge).then(merged);
    past(merged).when(merge).thenNothing();
    past(merged).when(unmerge).then(unmerged);
    past(merged, unmerged).when(unmerge).thenNothing();
    past().when(unmerge).thenNothing();
    past(merged, unmerged)
      .when(intoThird)
      .then(CustomersMerged({ survivorId: thirdId, reason: 'r' }));
  });

  it('is refused for the same one, for nobody, and for one who was merged into another', () => {
    past()
      .when(new MergeCustomers({ customerId, survivorId: customerId, reason: 'r' }))
      .thenRefused('CUSTOMER_MERGE_SELF');
    nobody.when(merge).thenRefused('CUSTOMER_UNKNOWN');
    nobody.when(unmerge).thenRefused('CUSTOMER_UNKNOWN');
    const refused = past(merged).when(intoThird);
    refused.thenRefused('CUSTOMER_MERGED');
    expect(() => refused.thenNothing()).toThrow(survivorId);
  });

  it('leaves a customer who can still be named and changed', () => {
    const more = [{ type: 'meter', value: 'M-1' }];
    past(merged)
      .when(new NameCustomer({ customerId, identifiers: more }))
      .then(CustomerUpdated({ identifiers: more }, { subject }));
    past(merged)
      .when(new UpdateCustomer({ customerId, segment: 'industrial' }))
      .then(CustomerUpdated({ segment: 'industrial' }, { subject }));
  });
});

describe('a forgotten customer', () => {
  const forget = new ForgetCustomer({ customerId, reason: 'asked to' });

  it('is forgotten once, merged or not', () => {
    past().when(forget).then(forgotten);
    past(merged).when(forget).then(forgotten);
    past()
      .when(new ForgetCustomer({ customerId, reason: 'asked to', basis: 'PIPL-47' }))
      .then(CustomerForgotten({ reason: 'asked to', basis: 'PIPL-47' }));
    past(forgotten).when(forget).thenNothing();
    nobody.when(forget).thenRefused('CUSTOMER_UNKNOWN');
  });

  it('is neither changed, nor named, nor merged; who registers anew is somebody else', () => {
    past(forgotten)
      .when(new UpdateCustomer({ customerId, segment: 'industrial' }))
      .thenRefused('CUSTOMER_FORGOTTEN');
    past(forgotten).when(new NameCustomer({ customerId, identifiers })).thenRefused('CUSTOMER_FORGOTTEN');
    past(forgotten)
      .when(new MergeCustomers({ customerId, survivorId, reason: 'r' }))
      .thenRefused('CUSTOMER_FORGOTTEN');
    past(forgotten).when(new RegisterCustomer({ customerId, identifiers })).thenNothing();
  });

  it('stays merged, and may still turn out to be somebody else', () => {
    past(merged, forgotten)
      .when(new MergeCustomers({ customerId, survivorId, reason: 'again' }))
      .thenNothing();
    past(merged, forgotten)
      .when(new UnmergeCustomers({ customerId, reason: 'r' }))
      .then(CustomersUnmerged({ survivorId, reason: 'r' }));
    past(forgotten, CustomerUpdated({ segment: 'industrial' }))
      .when(forget)
      .thenNothing();
  });
});

describe('a lookup key', () => {
  const bound = KeyBound({ keyType: 'phone', customerId });
  const bind = new BindKey({ hash: 'h', keyType: 'phone', customerId: survivorId });
  const release = new ReleaseKey({ hash: 'h', reason: 'forgotten' });
  const released = KeyReleased({ reason: 'forgotten' });

  it('is released once, and then free for whoever comes next', () => {
    given(keyDecider, [bound]).when(bind).thenNothing();
    given(keyDecider, [bound]).when(release).then(released);
    given(keyDecider, [bound, released]).when(release).thenNothing();
    given(keyDecider, []).when(release).thenNothing();
    given(keyDecider, [bound, released])
      .when(bind)
      .then(KeyBound({ keyType: 'phone', customerId: survivorId }));
  });
});
