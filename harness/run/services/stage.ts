/** Where the services of subjects are played: ports that stay open while one subject after the other has them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../../../emulator/disk/file.ts';
import type { App } from '../../../emulator/services/app.ts';
import { listen, type Listener } from '../../../emulator/services/http/listen.ts';
import { type ServiceRequest, textReply } from '../../../emulator/services/http/message.ts';
import { type Emulation, startProxy } from '../../../emulator/services/proxy/proxy.ts';
import { TlsAuthority } from '../../../emulator/services/proxy/tls-authority.ts';
import { systemClock } from '../../../emulator/world.ts';

/** Ports with the services of whichever subject is looked at now. */
export class Stage {
  readonly #folder: string;
  #app: App | undefined;
  #urls: Promise<Readonly<Record<string, string>>> | undefined;
  readonly #listeners: Listener[] = [];

  /** @param folder where the proxy's root certificate goes */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Plays the services of a subject from now on, until {@link clear}.
   * @returns base URLs by the services' names, `proxy`, and `caFile`, which is a path
   * @throws {TeemuError} when no port or no file can be had
   */
  play(app: App): Promise<Readonly<Record<string, string>>> {
    this.#app = app;
    this.#urls ??= this.#open(app);
    return this.#urls;
  }

  /** Nobody's services, until the next subject. @returns operations that were asked for, in order */
  clear(): readonly string[] {
    const asked = this.#app?.journal.entries().flatMap(({ operation }) => (operation === '' ? [] : [operation])) ?? [];
    this.#app = undefined;
    return asked;
  }

  /** Closes the ports. */
  async close(): Promise<void> {
    await this.#urls?.catch(() => undefined);
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  async #open(first: App): Promise<Readonly<Record<string, string>>> {
    const clock = systemClock();
    const where = { address: '127.0.0.1', listenPublic: false, port: 0, now: () => this.#app?.world.now() ?? clock.now() };
    const current: Emulation = {
      hosts: first.hosts,
      emulates: (host) => first.emulates(host),
      answer: (request: ServiceRequest) => this.#app?.answer(request) ?? textReply(503, 'no case is being looked at'),
    };
    const data = await listen(current.answer, where);
    this.#listeners.push(data);
    // Clients have the machine's clock, whatever time the evidence is of.
    const authority = new TlsAuthority(first.world, first.hosts, clock);
    const proxy = await startProxy(current, authority, where);
    this.#listeners.push(proxy);
    const caFile = join(this.#folder, 'proxy-ca.pem');
    await writeFile(caFile, authority.pem).catch((cause: unknown) => Promise.reject(fileError(caFile, cause)));
    return { ...Object.fromEntries(first.services.map(({ name }) => [name, `${data.url}/${name}`])), proxy: proxy.url, caFile };
  }
}
