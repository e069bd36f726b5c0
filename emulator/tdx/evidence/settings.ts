/** `--set path=value` for TDX evidence: which fields there are, and where on the way to the quote each is set. */
import { setField } from '../../codec/path.ts';
import { splitSetting } from '../../option-values.ts';
import { TD_REPORT_15_SERVICE, type TdReport } from '../module/tdreport.ts';
import { COPIED } from '../quote/from-report.ts';
import { bodyLayout, decodeQuote, encodeQuote, type TdBodyType } from '../quote/quote.ts';
import { ENCLAVE_REPORT, QUOTE_HEADER, SIGNATURE_HEAD } from '../quote/tables.ts';
import type { QuoteParts } from '../quoting/quoting-enclave.ts';

type Setting = readonly [path: string, value: string];

/** Fields that the TDREPORT has too: set there, before its MAC, so that report and quote agree. */
const IN_REPORT: ReadonlyMap<string, string> = new Map(COPIED);
const HEADER = 'header.';
const QE_REPORT = 'qeReport.';
const SIGNATURE = 'signature.';

/** Settings of one evidence, sorted by where they are made. */
export class Settings {
  readonly #bodyType: TdBodyType;
  readonly #report: readonly Setting[];
  readonly #body: readonly Setting[];
  readonly #header: readonly Setting[];
  readonly #qeReport: readonly Setting[];
  readonly #signature: readonly Setting[];

  /** @throws {CodecError} for a field that there is not, or a value that does not fit */
  constructor(texts: readonly string[], bodyType: TdBodyType) {
    const all = texts.map(splitSetting);
    const below = (prefix: string): Setting[] => all.flatMap(([path, value]): Setting[] => (path.startsWith(prefix) ? [[path.slice(prefix.length), value]] : []));
    const body = all.filter(([path]) => ![HEADER, QE_REPORT, SIGNATURE].some((prefix) => path.startsWith(prefix)));
    // Tried here, so that errors name the field of the quote and not that of the report behind it.
    for (const [path, value] of body) setField(bodyLayout(bodyType), {}, path, value);
    const head = (path: string): string => path.split('.')[0] ?? '';
    this.#bodyType = bodyType;
    this.#report = body.flatMap(([path, value]): Setting[] => {
      const from = IN_REPORT.get(head(path));
      return from === undefined ? [] : [[from + path.slice(head(path).length), value]];
    });
    this.#body = body.filter(([path]) => !IN_REPORT.has(head(path)));
    this.#header = below(HEADER);
    this.#qeReport = below(QE_REPORT);
    this.#signature = below(SIGNATURE);
  }

  /** The report with its settings. */
  report(report: TdReport): TdReport {
    return this.#report.reduce((values, [path, text]) => setField(TD_REPORT_15_SERVICE, values as Parameters<typeof TD_REPORT_15_SERVICE.encode>[0], path, text) as TdReport, report);
  }

  /** The parts of the quote with their settings, before they are signed. @throws {CodecError} as the constructor */
  quote(parts: QuoteParts): QuoteParts {
    return {
      ...parts,
      header: this.#header.reduce((values, [path, text]) => setField(QUOTE_HEADER, values, path, text) as QuoteParts['header'], parts.header),
      body: this.#body.reduce((values, [path, text]) => setField(bodyLayout(this.#bodyType), values as unknown as Record<string, unknown>, path, text) as unknown as QuoteParts['body'], parts.body),
      qeReport: this.#qeReport.reduce((values, [path, text]) => setField(ENCLAVE_REPORT, values, path, text) as QuoteParts['qeReport'], parts.qeReport),
    };
  }

  /** The quote with the settings that are made after it was signed. @throws {CodecError} as the constructor */
  signed(quote: Uint8Array): Uint8Array {
    if (this.#signature.length === 0) return quote;
    const decoded = decodeQuote(quote, { reserved: 'keep' });
    const { signature, attestationKey } = this.#signature.reduce<{ signature: Uint8Array; attestationKey: Uint8Array }>((values, [path, text]) => setField(SIGNATURE_HEAD, values, path, text) as typeof values, decoded);
    return encodeQuote({ ...decoded, signature, attestationKey });
  }
}
