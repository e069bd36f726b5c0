#!/usr/bin/env node
/** The program `teemu`. */
import { runCli } from './cli/main.ts';
import { guardProcess, processIo } from './cli/session/io.ts';

const io = processIo();
guardProcess(io);
// Not process.exit(): what was written to a pipe must drain first.
process.exitCode = await runCli(process.argv.slice(2), io);
