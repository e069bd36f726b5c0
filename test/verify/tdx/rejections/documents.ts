/** What is wrong with TCB info, with the quoting enclave's identity, or with how new they are: one row each. */
import type { DocumentChange } from '../../../../emulator/tdx/collateral/collateral.ts';
import { pckKey } from '../../../../emulator/tdx/platform/id.ts';
import { platformState } from '../../../../emulator/tdx/platform/platform.ts';
import { pcsDate } from '../../../../emulator/tdx/tcb/evaluations.ts';
import type { EnclaveIdentity } from '../../../../emulator/tdx/tcb/identity.ts';
import type { TcbInfo } from '../../../../emulator/tdx/tcb/tcb-info.ts';
import type { TdxReason } from '../../../../harness/verify/index.ts';
import { DAY, type Edits, type Evidence, NOW, platformOf, V4, world } from '../evidence.ts';
import { type Rejection, STRANGER, type Unusual } from './rejection.ts';

type Level = TcbInfo['tcbLevels'][number];
/** A change of TCB info, signed afterwards. */
export const tcbInfo = (edit: (info: TcbInfo) => object, rest: Omit<DocumentChange<TcbInfo>, 'edit'> = {}): Edits => ({ tcbInfo: { edit, ...rest } });
/** A change of the identity, signed afterwards. */
export const identity = (edit: (identity: EnclaveIdentity) => object, rest: Omit<DocumentChange<EnclaveIdentity>, 'edit'> = {}): Edits => ({ qeIdentity: { edit, ...rest } });
/** Another first level. */
export const firstLevel = (edit: (level: Level) => object): Edits => tcbInfo((info) => ({ ...info, tcbLevels: info.tcbLevels.map((level, i) => (i === 0 ? edit(level) : level)) }));
const presented = (part: 'tcbInfo' | 'qeIdentity', edit: (text: string) => string): Edits => ({ presented: (e) => ({ ...e, collateral: { ...e.collateral, [part]: edit(String(e.collateral[part])) } }) });
const without = <T extends object>(value: T, member: string): object => Object.fromEntries(Object.entries(value).filter(([name]) => name !== member));
const dates = (from: number, to: number): object => ({ issueDate: pcsDate(from), nextUpdate: pcsDate(to) });

type Part = 'tcbInfo' | 'qeIdentity';
const PARTS: readonly Part[] = ['tcbInfo', 'qeIdentity'];
const KIND = { tcbInfo: 'tcb-info', qeIdentity: 'qe-identity' } as const;
const FILE = { tcbInfo: 'tcb_info.json', qeIdentity: 'qe_identity.json' } as const;
const MEMBER = { tcbInfo: 'tcbInfo', qeIdentity: 'enclaveIdentity' } as const;
/** A change of either document, signed afterwards. */
const either = (part: Part, edit: (document: TcbInfo | EnclaveIdentity) => object): Edits => ({ [part]: { edit } });
const written = (part: Part, write: (document: object) => string): Edits => ({ [part]: { write } });

const PCK = pckKey(world, platformOf(V4), platformState(platformOf(V4), NOW).tcb);
const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const extra =
  (text: string) =>
  (document: object): string =>
    JSON.stringify(document).replace('{', `{${text},`);

/** Numbers that are none of an SVN's. */
const NO_NUMBERS: readonly unknown[] = [-1, 65536, 1.5, 1e300, '11', null, true, [11], {}];
/** Dates that are none. */
const NO_DATES = [
  '2026-06-15T00:00:00.000Z',
  '2026-06-15T00:00:00+00:00',
  '2026-06-15',
  '2026-02-30T00:00:00Z',
  '+275760-09-13T00:00:00Z',
  '275760-09-13T00:00:01Z',
  '2026-06-15T24:00:00Z',
  '2026-06-15t00:00:00z',
  '',
  1781524800,
  null,
];

function malformed(part: Part): Rejection[] {
  const reason: TdxReason = `${KIND[part]}-malformed`;
  const row = (name: string, edits: Edits, path?: string): Rejection => ({ name: `${part}: ${name}`, reason, edits, ...(path === undefined ? {} : { path }) });
  return [
    row(
      'it is empty',
      presented(part, () => ''),
    ),
    row(
      'it is a list',
      presented(part, (text) => `[${text}]`),
    ),
    row(
      'it is no JSON',
      presented(part, (text) => text.slice(1)),
    ),
    row(
      'something follows',
      presented(part, (text) => `${text}x`),
    ),
    row(
      'a second document follows',
      presented(part, (text) => text + text),
    ),
    row(
      'it begins with a byte order mark',
      presented(part, (text) => `\ufeff${text}`),
    ),
    row('it is not UTF-8', { presented: (e) => ({ ...e, collateral: { ...e.collateral, [part]: Buffer.from(String(e.collateral[part]).replace('"id"', '"i\xffd"'), 'latin1') } }) }),
    row(
      'it is longer than a quarter of a megabyte',
      presented(part, (text) => text + ' '.repeat(256 * 1024)),
    ),
    row(
      'something unsigned stands beside the signed part',
      presented(part, (text) => text.replace('{', '{"note":1,')),
      FILE[part],
    ),
    row(
      'the signed part stands there twice',
      presented(part, (text) => text.replace(/^\{(.*),"signature"/, '{$1,$1,"signature"')),
    ),
    row(
      'the signed part stands there twice, once with its name escaped',
      presented(part, (text) => text.replace(/^\{"(.)(.*),"signature"/, (_, first: string, rest: string) => `{"${first}${rest},"\\u00${first.charCodeAt(0).toString(16)}${rest},"signature"`)),
    ),
    row(
      'there is no signed part',
      presented(part, (text) => text.replace(`"${MEMBER[part]}"`, '"other"')),
      `${FILE[part]}.${MEMBER[part]}`,
    ),
    row(
      'the signed part is null',
      presented(part, (text) => text.replace(/:\{.*\},"signature"/, ':null,"signature"')),
      `${FILE[part]}.${MEMBER[part]}`,
    ),
    row(
      'the signed part is a list',
      presented(part, (text) => text.replace(/:\{.*\},"signature"/, ':[],"signature"')),
      `${FILE[part]}.${MEMBER[part]}`,
    ),
    row(
      'there is no signature',
      presented(part, (text) => text.replace('"signature"', '"signatur"')),
    ),
    row(
      'the signature is a byte short',
      presented(part, (text) => text.replace(/..("\})$/, '$1')),
      `${FILE[part]}.signature`,
    ),
    row(
      'the signature is no hex',
      presented(part, (text) => text.replace(/..("\})$/, 'zz$1')),
      `${FILE[part]}.signature`,
    ),
    row(
      'a member stands there twice',
      written(part, (document) => JSON.stringify(document).replace('"id":', '"id":"SGX","id":')),
    ),
    row(
      'a member stands there twice, once escaped',
      written(part, (document) => JSON.stringify(document).replace('"id":', '"\\u0069d":"SGX","id":')),
    ),
    row(
      'an inner member stands there twice',
      written(part, (document) => JSON.stringify(document).replace('"isvsvn":', '"isvsvn":0,"isvsvn":')),
    ),
    row('it is nested seventeen deep', written(part, extra(`"x":${deep(16)}`))),
    row('it is nested a hundred thousand deep', written(part, extra(`"x":${deep(100_000)}`))),
    row('an object has seventy members', written(part, extra(`"x":{${Array.from({ length: 70 }, (_, i) => `"${i}":0`).join()}}`))),
    row(
      'it has no id',
      either(part, (document) => ({ ...document, id: 7 })),
    ),
    row(
      'its version is no number',
      either(part, (document) => ({ ...document, version: '3' })),
    ),
    ...NO_DATES.flatMap((date) =>
      ['issueDate', 'nextUpdate'].map((name) =>
        row(
          `${name} is ${JSON.stringify(date)}`,
          either(part, (document) => ({ ...document, [name]: date })),
          `${FILE[part]}.${MEMBER[part]}.${name}`,
        ),
      ),
    ),
    ...['issueDate', 'nextUpdate', 'tcbEvaluationDataNumber', 'tcbLevels'].map((name) =>
      row(
        `there is no ${name}`,
        either(part, (document) => without(document, name)),
        `${FILE[part]}.${MEMBER[part]}.${name}`,
      ),
    ),
    row(
      'there are no levels',
      either(part, (document) => ({ ...document, tcbLevels: [] })),
    ),
    row(
      'there are sixty-five levels',
      either(part, (document) => ({ ...document, tcbLevels: Array.from({ length: 65 }, () => document.tcbLevels[0]) })),
    ),
    row(
      'the evaluation is no number',
      either(part, (document) => ({ ...document, tcbEvaluationDataNumber: 2 ** 32 })),
    ),
    row(
      'the status of a level is an unknown word',
      either(part, (document) => ({ ...document, tcbLevels: document.tcbLevels.map((level) => ({ ...level, tcbStatus: 'uptodate' })) })),
    ),
    row(
      'a level has no date',
      either(part, (document) => ({ ...document, tcbLevels: document.tcbLevels.map((level) => without(level, 'tcbDate')) })),
    ),
    row(
      'the advisories are no list',
      either(part, (document) => ({ ...document, tcbLevels: document.tcbLevels.map((level) => ({ ...level, advisoryIDs: 'INTEL-SA-00001' })) })),
    ),
    row(
      'an advisory is no text',
      either(part, (document) => ({ ...document, tcbLevels: document.tcbLevels.map((level) => ({ ...level, advisoryIDs: [1] })) })),
    ),
  ];
}

const components = (member: 'sgxtcbcomponents' | 'tdxtcbcomponents', value: unknown): Edits => firstLevel((level) => ({ ...level, tcb: { ...level.tcb, [member]: value } }));
const zeros = (count: number): object[] => Array.from({ length: count }, () => ({ svn: 0 }));
const module = (edit: (module: NonNullable<TcbInfo['tdxModuleIdentities']>[number]) => object): Edits => tcbInfo((info) => ({ ...info, tdxModuleIdentities: info.tdxModuleIdentities?.map(edit) }));

const TCB_INFO_MALFORMED: readonly Rejection[] = [
  ...NO_NUMBERS.map((svn): [string, Edits] => [`the PCE's SVN is ${JSON.stringify(svn)}`, firstLevel((level) => ({ ...level, tcb: { ...level.tcb, pcesvn: svn } }))]),
  ...[-1, 256, 0.5, '3', null].map((svn): [string, Edits] => [`a component is ${JSON.stringify(svn)}`, components('sgxtcbcomponents', [{ svn }, ...zeros(15)])]),
  ...(['sgxtcbcomponents', 'tdxtcbcomponents'] as const).flatMap((member): [string, Edits][] => [
    ...[0, 15, 17].map((count): [string, Edits] => [`there are ${count} ${member}`, components(member, zeros(count))]),
    [`there are no ${member}`, components(member, undefined)],
    [`${member} is an object`, components(member, { length: 16 })],
    [`one of ${member} is null`, components(member, [null, ...zeros(15)])],
  ]),
  ...['fmspc', 'pceId', 'tcbType', 'tdxModule'].map((name): [string, Edits] => [`there is no ${name}`, tcbInfo((info) => without(info, name))]),
  ...['1e999', '-0.0e1x', '0x10', '1_0', '1'.repeat(1000)].map((number): [string, Edits] => [
    `a number is written ${number.slice(0, 20)}`,
    { tcbInfo: { write: (info) => JSON.stringify(info).replace(/"pcesvn":\d+/, `"pcesvn":${number}`) } },
  ]),
  ['the FMSPC is seven bytes', tcbInfo((info) => ({ ...info, fmspc: `${info.fmspc}00` }))],
  ['the FMSPC is no hex', tcbInfo((info) => ({ ...info, fmspc: 'zz806f050000' }))],
  ['the TCB is of type 1', tcbInfo((info) => ({ ...info, tcbType: 1 }))],
  ['a module has a strange name', module((m) => ({ ...m, id: 'TDX_1' }))],
  ['a module has no levels', module((m) => ({ ...m, tcbLevels: [] }))],
  ["a module's status is one of a platform's", module((m) => ({ ...m, tcbLevels: m.tcbLevels.map((level) => ({ ...level, tcbStatus: 'SWHardeningNeeded' })) }))],
  ['the signer of the module is 47 bytes', tcbInfo((info) => ({ ...info, tdxModule: { ...info.tdxModule, mrsigner: '00'.repeat(47) } }))],
].map(([name, edits]): Rejection => ({ name: `tcbInfo: ${String(name)}`, reason: 'tcb-info-malformed', edits: edits as Edits }));

const QE_IDENTITY_MALFORMED: readonly Rejection[] = [
  ...NO_NUMBERS.map((svn): [string, Edits] => [`the SVN of a level is ${JSON.stringify(svn)}`, identity((i) => ({ ...i, tcbLevels: [{ ...i.tcbLevels[0], tcb: { isvsvn: svn } }] }))]),
  ...['miscselect', 'miscselectMask', 'attributes', 'attributesMask', 'mrsigner', 'isvprodid'].map((name): [string, Edits] => [`there is no ${name}`, identity((i) => without(i, name))]),
  ['MRSIGNER is 31 bytes', identity((i) => ({ ...i, mrsigner: i.mrsigner.slice(2) }))],
  ['the mask of the attributes is empty', identity((i) => ({ ...i, attributesMask: '' }))],
  ["a level's status is one of a platform's", identity((i) => ({ ...i, tcbLevels: [{ ...i.tcbLevels[0], tcbStatus: 'ConfigurationNeeded' }] }))],
].map(([name, edits]): Rejection => ({ name: `qeIdentity: ${String(name)}`, reason: 'qe-identity-malformed', edits: edits as Edits }));

const OTHER_SIGNERS = { 'a stranger': STRANGER, 'the PCK': PCK };

export const DOCUMENT_REJECTIONS: readonly Rejection[] = [
  ...PARTS.flatMap((part): Rejection[] => [
    ...malformed(part),
    { name: `${part}: it is of another version`, reason: `${KIND[part]}-version`, edits: either(part, (document) => ({ ...document, version: document.version + 1 })) },
    { name: `${part}: it is for SGX`, reason: `${KIND[part]}-id`, edits: either(part, (document) => ({ ...document, id: part === 'tcbInfo' ? 'SGX' : 'QE' })) },
    {
      name: `${part}: a level stands there twice`,
      reason: `${KIND[part]}-ambiguous`,
      edits: either(part, (document) => ({ ...document, tcbLevels: [...document.tcbLevels, { ...document.tcbLevels[0], tcbStatus: 'OutOfDate' }] })),
    },
    { name: `${part}: it was changed after it was signed`, reason: `${KIND[part]}-signature`, edits: presented(part, (text) => text.replace('"UpToDate"', '"OutOfDate"')) },
    { name: `${part}: it was written anew after it was signed`, reason: `${KIND[part]}-signature`, edits: presented(part, (text) => JSON.stringify(JSON.parse(text), null, 1)) },
    { name: `${part}: its members were reordered after it was signed`, reason: `${KIND[part]}-signature`, edits: presented(part, (text) => text.replace(/("id":"[^"]*"),("version":\d)/, '$2,$1')) },
    { name: `${part}: its signature was changed`, reason: `${KIND[part]}-signature`, edits: presented(part, (text) => text.replace(/.("\})$/, (_, end: string) => `${text.at(-3) === '0' ? '1' : '0'}${end}`)) },
    { name: `${part}: its signature is all zero`, reason: `${KIND[part]}-signature`, edits: presented(part, (text) => text.replace(/[0-9a-f]{128}/, '0'.repeat(128))) },
    ...Object.entries(OTHER_SIGNERS).map(([who, signedBy]): Rejection => ({ name: `${part}: ${who} signed it`, reason: `${KIND[part]}-signature`, edits: { [part]: { signedBy } } })),
    { name: `${part}: it is issued in the future`, reason: `${KIND[part]}-future`, edits: either(part, (document) => ({ ...document, ...dates(NOW + 1000, NOW + 30 * DAY) })), path: FILE[part] },
    { name: `${part}: it has run out`, reason: `${KIND[part]}-stale`, edits: either(part, (document) => ({ ...document, ...dates(NOW - 30 * DAY, NOW - 1000) })), path: FILE[part] },
    {
      name: `${part}: it is older than allowed`,
      reason: `${KIND[part]}-too-old`,
      wishes: { maximumCollateralAge: 7 * DAY },
      edits: either(part, (document) => ({ ...document, ...dates(NOW - 8 * DAY, NOW + DAY) })),
      path: FILE[part],
    },
  ]),
  ...TCB_INFO_MALFORMED,
  ...QE_IDENTITY_MALFORMED,
  {
    name: 'TCB info is of version 2, as it was for SGX',
    reason: 'tcb-info-version',
    edits: tcbInfo((info) => ({ ...without(info, 'id'), version: 2, tcbLevels: [{ tcb: { sgxtcbcomp01svn: 0, pcesvn: 0 }, tcbDate: info.issueDate, tcbStatus: 'UpToDate' }] })),
  },
  {
    name: 'the two documents stand in the place of each other',
    reason: 'tcb-info-malformed',
    edits: { presented: (e) => ({ ...e, collateral: { ...e.collateral, tcbInfo: e.collateral.qeIdentity, qeIdentity: e.collateral.tcbInfo } }) },
  },
  {
    name: 'a module is there twice',
    reason: 'tcb-info-ambiguous',
    edits: tcbInfo((info) => ({ ...info, tdxModuleIdentities: [...(info.tdxModuleIdentities ?? []), ...(info.tdxModuleIdentities ?? []).map((m) => ({ ...m, id: m.id.toLowerCase().replace('tdx', 'TDX') }))] })),
  },
  { name: 'a level of a module is there twice', reason: 'tcb-info-ambiguous', edits: module((m) => ({ ...m, tcbLevels: [...m.tcbLevels, m.tcbLevels[0]] })) },
];

/** Unusual documents that are as good as any. */
export const UNUSUAL_DOCUMENTS: readonly Unusual[] = [
  ...PARTS.flatMap((part) => [
    { name: `${part}: white space, signed as it lies`, edits: written(part, (document) => JSON.stringify(document, null, 2)) },
    {
      name: `${part}: white space around the signed part`,
      edits: presented(part, (text) =>
        text
          .replace(/^\{/, '{ \r\n\t')
          .replace(/:\{/, ' : \n{')
          .replace(/\},"signature"/, '} \t, "signature"'),
      ),
    },
    { name: `${part}: the signature first`, edits: presented(part, (text) => text.replace(/^\{(.*),("signature":"[0-9a-f]*")\}$/, '{$2,$1}')) },
    { name: `${part}: the signature in upper case`, edits: presented(part, (text) => text.replace(/[0-9a-f]{128}/, (hex) => hex.toUpperCase())) },
    { name: `${part}: a member that nobody knows`, edits: either(part, (document) => ({ ...document, future: { a: ['}', '"', '\\', '\\"}'] } })) },
    { name: `${part}: members in another order`, edits: either(part, (document) => Object.fromEntries(Object.entries(document).reverse())) },
    { name: `${part}: escaped characters`, edits: written(part, (document) => JSON.stringify(document).replace('"version"', '"ver\\u0073ion"')) },
    { name: `${part}: characters that are not ASCII`, edits: either(part, (document) => ({ ...document, note: 'ö 漢 🙂' })) },
    { name: `${part}: as bytes`, edits: { presented: (e: Evidence) => ({ ...e, collateral: { ...e.collateral, [part]: Buffer.from(String(e.collateral[part])) } }) } },
    { name: `${part}: its first and its last second`, edits: either(part, (document) => ({ ...document, ...dates(NOW, NOW) })) },
    { name: `${part}: as old as allowed`, edits: either(part, (document) => ({ ...document, ...dates(NOW - 7 * DAY, NOW + DAY) })), wishes: { maximumCollateralAge: 7 * DAY } },
  ]),
  { name: 'tcbInfo: levels from the lowest to the highest', edits: tcbInfo((info) => ({ ...info, tcbLevels: info.tcbLevels.toReversed() })) },
  { name: 'tcbInfo: the FMSPC in upper case', edits: tcbInfo((info) => ({ ...info, fmspc: info.fmspc.toUpperCase() })) },
  { name: "tcbInfo: the module's id in lower case", edits: module((m) => ({ ...m, id: m.id.toLowerCase().replace('tdx', 'TDX') })) },
  { name: 'tcbInfo: components without category and type', edits: firstLevel((level) => ({ ...level, tcb: { ...level.tcb, sgxtcbcomponents: level.tcb.sgxtcbcomponents.map(({ svn }) => ({ svn })) } })) },
];
