import { PackPublished, PackRetired } from './pack.js';

const kinds = [
  {
    id: 'contact.call-back',
    names: { en: 'Call-back after the work', zh: '回访' },
    traits: { closes: true, contact: true, customerVisible: true, actor: 'staff' as const, stage: 'F5' },
    attributes: { caller: { type: 'text' as const, personal: true, required: false } },
  },
];

/** One named example of every event version ever written. Frozen. */
export const packSamples = {
  PackPublished_1: {
    ...PackPublished({
      pack: 'common',
      version: 1,
      contentHash: '5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
      effectiveFrom: '2024-05-01T08:00:00.000Z',
      shipped: true,
      body: {
        names: { en: 'Common', zh: '通用' },
        kinds,
        moments: [{ code: 'NEG-01', polarity: 'negative', names: { en: 'Arguing' }, counter: 'POS-01' }],
      },
    }),
    schemaVersion: 1,
  },
  PackPublished_2: {
    ...PackPublished({
      pack: 'common',
      version: 2,
      contentHash: '0c1ff2a9d2a6e6f3a7a4f6de5b6a1f4bb8c8f3a1d6d3b8a6c27f0a7c5a1f9e30',
      effectiveFrom: '2024-06-01T08:00:00.000Z',
      shipped: true,
      body: {
        names: { en: 'Common', zh: '通用' },
        kinds,
        moments: [
          {
            code: 'NEG-S3',
            polarity: 'negative',
            names: { en: 'Repeat contact in the same matter', zh: '同一事项重复联系' },
            counter: 'POS-S2',
            description: { en: 'Within 168 hours of the contact before.', zh: '距上次联系不超过 168 小时。' },
            rule: true,
          },
          { code: 'POS-S2', polarity: 'positive', names: { en: 'Resolved at first contact', zh: '首次联系即解决' } },
        ],
        experience: {
          labels: [
            { id: 'satisfied', names: { en: 'Satisfied', zh: '满意' }, from: 0, to: 2 },
            { id: 'dissatisfied', names: { en: 'Dissatisfied', zh: '不满意' }, from: -2, to: -1 },
          ],
        },
      },
    }),
    schemaVersion: 2,
  },
  PackPublished_3: PackPublished({
    pack: 'repairs',
    version: 1,
    contentHash: '7d1ff2a9d2a6e6f3a7a4f6de5b6a1f4bb8c8f3a1d6d3b8a6c27f0a7c5a1f9e31',
    effectiveFrom: '2024-07-01T08:00:00.000Z',
    shipped: true,
    body: {
      names: { en: 'Repairs', zh: '抢修' },
      kinds,
      moments: [],
      correlation: [
        {
          journeyType: 'fault-repair',
          kinds: ['crew.*', 'work.accepted'],
          objects: ['work-order', 'outage-report'],
          idleGapMs: 259_200_000,
          doubtfulMs: 43_200_000,
          sameCustomer: 'ask',
        },
        { journeyType: 'default', idleGapMs: 604_800_000 },
      ],
    },
  }),
  PackRetired_1: PackRetired({ pack: 'import-helpdesk', reason: 'Replaced by power-utility.' }),
};
