import fc from 'fast-check';
import { isPhoneType, Mentions, type KnownBy } from './forgetting-mentions.js';

const journey = '0190a1b2-0000-7000-8000-000000000001';
const mentions = (by: Partial<KnownBy>) =>
  new Mentions({ texts: [], phones: [], hashes: [], ids: [], ...by }, (type, value) => `${type}#${value}`);
const anna = mentions({
  texts: ['Anna Müller', '张伟', 'ACC-4711', '42', '李'],
  phones: ['+86 138 0013 8001', '8888 1234'],
  hashes: ['meter#M1'],
  ids: [journey],
});

describe('a person is recognised', () => {
  it.each([
    ['a name in JSON', '{"caller":"Anna Müller"}'],
    ['a name in other letters', '{"caller":"ANNA  MÜLLER"}'],
    ['a name that was composed otherwise', `{"caller":"${'Anna Müller'.normalize('NFD')}"}`],
    ['a name behind escapes of JSON', '{"caller":"Anna M\\u00fcller"}'],
    ['a Chinese name behind escapes', '{"n":"\\u5f20\\u4f1f"}'],
    ['a Chinese name within a sentence', '客户张伟来电投诉'],
    ['a name behind escapes of XML', '<string key="n" value="Anna M&#xFC;ller"/>'],
    ['a name behind decimal escapes of XML', '<string key="n" value="&#24352;&#20255;"/>'],
    ['a name between other words', 'Anna Müller, 3rd floor'],
    ['a name beside Chinese words', '客户Anna Müller来电'],
    ['a name in full-width letters', 'Ａｎｎａ Müller'],
    ['an account', '<string key="account" value="acc-4711"/>'],
    ['a short identifier as a whole value', '<string key="customer" value="42"/>'],
    ['a short name as a whole value', '{"name":"李"}'],
    ['a phone as it is', '+86 138 0013 8001'],
    ['a phone without its country code', '{"phone":"13800138001"}'],
    ['a phone as a number', '{"phone":13800138001}'],
    ['a phone grouped otherwise', 'call 138-0013-8001 back'],
    ['a phone of a fixed line', '(8888-1234)'],
    ['an identifier that only its hash is known of', '{"data":{"customer":{"type":"meter","value":"M1"}}}'],
    ['one of their journeys', `{"journey":{"id":"${journey.toUpperCase()}"}}`],
    ['bytes kept as Latin-1', Buffer.from('{"n":"张伟"').toString('latin1')],
    ['bytes kept in Base64', Buffer.from('caller 张伟').toString('base64')],
    // 张伟 in GB 18030, as older systems send it.
    ['bytes of an older encoding', Buffer.from([0x6e, 0x3a, 0xd5, 0xc5, 0xce, 0xb0]).toString('base64')],
  ])('by %s', (_, text) => {
    expect(anna.in(text)).toBe(true);
  });

  it.each([
    ['part of another word', 'Hanna Müllerin'],
    ['a short identifier within a number', '{"waited":42,"amount":"1420"}'],
    ['a short name within another', '{"name":"李明"}'],
    ['another phone', '13800138002'],
    ['the digits of a phone within a longer number', '138001380010'],
    ['another identifier of the same type', '{"customer":{"type":"meter","value":"M2"}}'],
    ['another journey', '0190a1b2-0000-7000-8000-000000000002'],
    ['a time', '2025-07-16T08:00:00+08:00'],
    ['broken JSON', '{"customer":{"type":"meter","value":"M2"'],
    ['nothing', ''],
  ])('but not by %s', (_, text) => {
    expect(anna.in(text)).toBe(false);
  });

  it('whatever characters a name is made of', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 3, maxLength: 12 })
      .filter((s) => s.normalize('NFKC').trim().length > 2);
    fc.assert(
      fc.property(name, (text) => {
        const known = mentions({ texts: [text] });
        expect(known.in(JSON.stringify({ name: text }))).toBe(true);
        expect(known.in(`<string key="name" value="${xml(text)}"/>`)).toBe(true);
      }),
    );
  });

  it('by nothing when nothing is known', () => {
    expect(mentions({ texts: ['', '  '] }).in('{"a":""}')).toBe(false);
  });
});

const xml = (text: string) =>
  text.replace(/[<>&"]/g, (c) => `&#${c.codePointAt(0)};`).replace(/[\t\n\r]/g, (c) => `&#${c.codePointAt(0)};`);

it.each([
  ['phone', true],
  ['crm/mobile', true],
  ['手机号', true],
  ['tel', true],
  ['account', false],
  ['hotel', false],
  ['telecom-account', false],
])('identifiers of the type %s are phones: %s', (type, is) => {
  expect(isPhoneType(type)).toBe(is);
});
