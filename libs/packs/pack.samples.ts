import { PackPublished, PackRetired } from './pack.js';

/** One named example of every event version ever written. Frozen. */
export const packSamples = {
  PackPublished_1: PackPublished({
    pack: 'common',
    version: 1,
    contentHash: '5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
    effectiveFrom: '2024-05-01T08:00:00.000Z',
    shipped: true,
    body: {
      names: { en: 'Common', zh: '通用' },
      kinds: [
        {
          id: 'contact.call-back',
          names: { en: 'Call-back after the work', zh: '回访' },
          traits: { closes: true, contact: true, customerVisible: true, actor: 'staff', stage: 'F5' },
          attributes: { caller: { type: 'text', personal: true, required: false } },
        },
      ],
      moments: [{ code: 'NEG-01', polarity: 'negative', names: { en: 'Arguing' }, counter: 'POS-01' }],
    },
  }),
  PackRetired_1: PackRetired({ pack: 'import-helpdesk', reason: 'Replaced by power-utility.' }),
};
