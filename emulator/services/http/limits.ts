/** What every listener allows. Half-open, oversize and flooding clients are turned away within these bounds. */
export const LIMITS = {
  /** Milliseconds for the head of a request, for all of it, and between two on one connection. */
  headersTimeout: 3000,
  requestTimeout: 5000,
  keepAliveTimeout: 2000,
  /** How often (milliseconds) the two first are looked at. */
  connectionsCheckingInterval: 500,
  /** Milliseconds for a TLS handshake. */
  handshakeTimeout: 3000,
  /** Milliseconds without a byte either way, after which a connection is closed; longer than any fault keeps silent. */
  idleTimeout: 35_000,
  /** Bytes of all headers together. */
  maxHeaderSize: 16_384,
  maxConnections: 512,
  /** Bytes of a body that is too long which are read and thrown away, so that the client gets to read its 413. */
  discarded: 16 << 20,
  /** Milliseconds that a connection stays open after a refusal of what is no HTTP, so that the client gets to read it. */
  lastWords: 500,
} as const;
