/** The manifests that NVIDIA has published in a World: one for each release of drivers and firmware, signed when it is asked for. */
import type { EcSigner } from '../../crypto/sign.ts';
import type { CertificateSpec } from '../../pki/issue.ts';
import type { World } from '../../world.ts';
import { type Change, type NvidiaAuthority, nvidiaAuthorityOf, type RimLevel, type SignerChain } from '../pki/authority.ts';
import { type RimEntry, rimCatalogue } from '../platform/golden.ts';
import type { RimContents } from './contents.ts';
import { writeRim } from './write.ts';

/** What NVIDIA would do otherwise. */
export interface RimChange {
  /** Changes what the manifest says before it is signed. */
  readonly edit?: (contents: RimContents) => RimContents;
  /** Signs in place of the right key. */
  readonly signedBy?: EcSigner;
  /** How the certificates differ, by level. */
  readonly certificates?: Partial<Record<RimLevel, Change<CertificateSpec>>>;
  /** Only so many of the certificates, leaf first, are in it. */
  readonly carries?: number;
}

/** A manifest as it is published. */
export interface PublishedRim {
  readonly id: string;
  /** XML. */
  readonly document: Uint8Array;
  /** When its signer was certified, in milliseconds since 1970: the genuine ones are signed within days of that. */
  readonly updatedAt: number;
}

/** Every manifest of a World. */
export class RimLibrary {
  readonly authority: NvidiaAuthority;
  readonly #entries: ReadonlyMap<string, RimEntry>;
  /** `second`: the last one in which the signer was found to have these certificates; they change at whole seconds. */
  readonly #published = new Map<string, { readonly chain: SignerChain['chain']; readonly rim: PublishedRim; second: number }>();

  constructor(authority: NvidiaAuthority) {
    this.authority = authority;
    this.#entries = new Map(rimCatalogue().map((entry) => [entry.id, entry]));
  }

  /** Ids of all manifests, sorted. */
  get ids(): readonly string[] {
    return [...this.#entries.keys()].sort();
  }

  /** What a manifest is of; undefined for an id that there is not. Case counts. */
  entry(id: string): RimEntry | undefined {
    return this.#entries.get(id);
  }

  /** A manifest, the same bytes as long as its signer has the same certificates; undefined for an id that there is not. */
  find(id: string): PublishedRim | undefined {
    const second = Math.floor(this.authority.world.now() / 1000);
    const there = this.#published.get(id);
    if (there?.second === second) return there.rim;
    const entry = this.#entries.get(id);
    if (!entry) return undefined;
    const { chain } = this.authority.rimSigner(entry.kind, entry.architecture);
    if (there?.chain.every(({ der }, i) => der === chain[i]?.der)) {
      there.second = second;
      return there.rim;
    }
    const rim = this.publish(entry);
    this.#published.set(id, { chain, rim, second });
    return rim;
  }

  /** A manifest signed anew. */
  publish({ id, kind, architecture, contents }: RimEntry, { edit = (c) => c, signedBy, certificates, carries }: RimChange = {}): PublishedRim {
    const { signer, chain } = this.authority.rimSigner(kind, architecture, certificates);
    return { id, document: writeRim(edit(contents()), { signer: signedBy ?? signer, chain: chain.slice(0, carries) }), updatedAt: chain[0]?.spec.notBefore ?? 0 };
  }
}

const LIBRARIES = new WeakMap<World, RimLibrary>();

/** The manifests of a World, always the same ones. */
export function rimLibraryOf(world: World): RimLibrary {
  const library = LIBRARIES.get(world) ?? new RimLibrary(nvidiaAuthorityOf(world));
  LIBRARIES.set(world, library);
  return library;
}
