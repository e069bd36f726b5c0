/** TDX evidence: a machine is set up, a TD is launched on it from the synthetic firmware and booted, and asks for a quote. */
import { type Bundle, makeBundle } from '../../bundle.ts';
import { ConfigError, firstIssue } from '../../errors.ts';
import type { World } from '../../world.ts';
import { intelAuthorityOf } from '../authority.ts';
import { collateralFiles, type PlatformCollateral } from '../collateral/export.ts';
import { TdxModule } from '../module/tdx-module.ts';
import { quotingPlatform } from '../platform/hardware.ts';
import { fmspcOf, type Platform, platformState, type PlatformState, tdxPlatform } from '../platform/platform.ts';
import { decodeQuote, type TdBodyType, type TdxQuote } from '../quote/quote.ts';
import { BODY_TYPES, QUOTE_VERSIONS, type QuoteVersion } from '../quote/tables.ts';
import { type PckType, QuotingEnclave } from '../quoting/quoting-enclave.ts';
import { STATUS_TABLE } from '../tcb/status.ts';
import { certificatesOf, collateralOf, type TdxCertificates, type TdxEdits } from './edits.ts';
import { bootGuest, launchFiles, type LaunchDescription, type MeasuredGuest } from './guest.ts';
import { TDX_OPTIONS, type TdxOptions, type TdxOptionsInput } from './options.ts';
import { Settings } from './settings.ts';

/** TDX evidence in parts. */
export interface TdxEvidence {
  readonly platform: Platform;
  /** 1024 bytes. */
  readonly tdReport: Uint8Array;
  readonly quote: Uint8Array;
  readonly certificates: TdxCertificates;
  readonly collateral: PlatformCollateral;
  /** The ACPI table, 56 bytes, and the area of the event log. */
  readonly ccel: { readonly table: Uint8Array; readonly data: Uint8Array };
  readonly launch: LaunchDescription;
  readonly bundle: Bundle;
}

/**
 * Makes TDX evidence.
 * @throws {ConfigError} naming the option that cannot be
 * @throws {FirmwareError} for a TD that the module does not launch
 * @throws {CodecError} for a field of `set` that does not exist or a value that does not fit
 */
export function tdxEvidence(world: World, input: TdxOptionsInput = {}, edits: TdxEdits = {}): TdxEvidence {
  const options = checked(input);
  const authority = intelAuthorityOf(world);
  const platform = tdxPlatform(options.platform, { index: options.index ?? 0, status: options.tcbStatus ?? 'UpToDate', ca: options.pckCa ?? 'platform' });
  const state = stateOf(platform, world);
  const form = quoteForm(options, platform);
  const settings = new Settings(options.set ?? [], form.bodyType);

  const certificates = certificatesOf(authority, platform, edits);
  const pckChain = certificates.pck.pem + certificates.intermediate.pem + certificates.root.pem;
  const hardware = { ...quotingPlatform(authority, platform), pckChain, ...(edits.qeReportSigner ? { pckKey: edits.qeReportSigner } : {}) };
  const module = new TdxModule(world, hardware, state.launchedModule);
  const guest = bootGuest(world, module, options, edits);
  if (STATUS_TABLE[platform.status].relaunch) module.update(state.runningModule);

  const tdReport = guest.td.report(options.reportData ?? new Uint8Array(64), (honest) => {
    const set = settings.report(honest);
    return edits.report ? edits.report(set) : set;
  });
  const quote = settings.signed(
    new QuotingEnclave(world, hardware).quote(tdReport, {
      ...form,
      edit: (honest) => {
        const set = settings.quote(honest);
        return edits.quote ? edits.quote(set) : set;
      },
      signedBy: edits.quoteSigner,
    }),
  );
  const collateral = collateralOf(authority, platform, options.tcbEvaluation ?? 'standard', certificates, edits);
  const parts = { platform, tdReport, quote, certificates, collateral, ccel: guest.ccel, launch: guest.launch };
  return { ...parts, bundle: bundleOf(world, parts, guest, form.certificationType < 5 ? pckChain : undefined) };
}

function checked(input: TdxOptionsInput): TdxOptions {
  const parsed = TDX_OPTIONS.safeParse(input);
  if (parsed.success) return parsed.data;
  const { path, message } = firstIssue(parsed.error);
  throw new ConfigError(path || 'options', message);
}

/** What the machine runs now. @throws {ConfigError} where its status cannot come about */
function stateOf(platform: Platform, world: World): PlatformState {
  try {
    return platformState(platform, world.now());
  } catch (cause) {
    throw cause instanceof ConfigError ? new ConfigError('tcbStatus', cause.message.slice(cause.key.length + 2), { cause }) : cause;
  }
}

interface QuoteForm {
  readonly version: QuoteVersion;
  readonly bodyType: TdBodyType;
  readonly certificationType: PckType;
}

const PCK_TYPES = [1, 2, 3, 4, 5] as const;

/** The form of the quote: version 4, which every verifier reads, unless that cannot say what it must. */
function quoteForm({ quoteVersion, bodyType, certificationType }: TdxOptions, { status }: Platform): QuoteForm {
  const { relaunch } = STATUS_TABLE[status];
  const version = QUOTE_VERSIONS.find((v) => v === quoteVersion) ?? (relaunch || bodyType === 'td15' ? 5 : 4);
  if (relaunch && (version === 4 || bodyType === 'td10'))
    throw new ConfigError(version === 4 ? 'quoteVersion' : 'bodyType', `only a quote of version 5 with a body of TDX 1.5 says that a TD's module was updated, which ${status} follows from`);
  if (version === 4 && bodyType === 'td15') throw new ConfigError('bodyType', 'a quote of version 4 has a body of TDX 1.0');
  const td10 = version === 4 || bodyType === 'td10';
  return { version, bodyType: td10 ? BODY_TYPES.td10 : BODY_TYPES.td15, certificationType: PCK_TYPES.find((type) => type === certificationType) ?? 5 };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const text = (contents: string): Uint8Array => Uint8Array.from(Buffer.from(contents, 'utf8'));

/** @param pckChain where the quote does not carry it */
function bundleOf(world: World, { platform, tdReport, quote, certificates, collateral, ccel, launch }: Omit<TdxEvidence, 'bundle'>, guest: MeasuredGuest, pckChain: string | undefined): Bundle {
  const { header, bodyType, body }: TdxQuote = decodeQuote(quote, { reserved: 'keep' });
  return makeBundle(
    {
      tee: 'tdx',
      platform: platform.model.name,
      fmspc: fmspcOf(platform),
      pckCa: platform.ca,
      // What Intel is made to say of all such machines counts more than what the machine was set up for.
      tcbStatus: intelAuthorityOf(world).tcbStatus(fmspcOf(platform))?.status ?? platform.status,
      quoteVersion: header.version,
      bodyType: bodyType === BODY_TYPES.td10 ? 'td10' : 'td15',
      reportData: hex(body.reportData),
      mrTd: hex(body.mrTd),
      rtmrs: body.rtmr.map(hex),
      mrConfigId: hex(body.mrConfigId),
      mrOwner: hex(body.mrOwner),
      mrOwnerConfig: hex(body.mrOwnerConfig),
      mrSeam: hex(body.mrSeam),
      teeTcbSvn: hex(body.teeTcbSvn),
      verifyAt: Math.floor(world.now() / 1000),
      services: {},
      launch,
    },
    new Map([
      ['quote.bin', quote],
      ['tdreport.bin', tdReport],
      ['root_ca.pem', text(certificates.root.pem)],
      ['ccel_table.bin', ccel.table],
      ['ccel.bin', ccel.data],
      ...collateralFiles(collateral),
      ...(pckChain === undefined ? [] : [['collateral/pck_chain.pem', text(pckChain)] as const]),
      ...launchFiles(guest),
    ]),
  );
}
