/** The table of commands. A command's module is loaded when it is called: starting stays quick however many there are. */
import type { CommandRow } from '../session/session.ts';

export const COMMANDS: readonly CommandRow[] = [
  { name: 'evidence', summary: 'make evidence and write it into a folder', load: async () => (await import('./evidence.ts')).defineEvidence },
  { name: 'inspect', summary: 'explain a report, certificate, table or bundle field by field, or what differs between two', load: async () => (await import('./inspect.ts')).defineInspect },
  { name: 'verify', summary: 'verify a bundle strictly, and say at which stage and why it is refused', load: async () => (await import('./verify.ts')).defineVerify },
  { name: 'serve', summary: "emulate the vendor's services until interrupted", load: async () => (await import('./serve.ts')).defineServe },
  { name: 'check', summary: 'run a verifier over good and bad evidence, and say what it gets wrong', load: async () => (await import('./check.ts')).defineCheck },
  { name: 'report', summary: 'make reports of runs, and set them side by side', load: async () => (await import('./report.ts')).defineReport },
  { name: 'vectors', summary: 'the cases themselves: list them, show one, write them as JSON for any language', load: async () => (await import('./vectors.ts')).defineVectors },
  { name: 'scan', summary: 'find test roots and other test material in a product or a trust store', load: async () => (await import('./scan.ts')).defineScan },
  { name: 'transfer', summary: 'move a file to a GPU and back over the encrypted link, under attack if you like', load: async () => (await import('./transfer.ts')).defineTransfer },
  { name: 'doctor', summary: 'say whether everything that teemu needs is there', load: async () => (await import('./doctor.ts')).defineDoctor },
  { name: 'completion', summary: 'print a script that completes commands and options in your shell', load: async () => (await import('./completion.ts')).defineCompletion },
];
