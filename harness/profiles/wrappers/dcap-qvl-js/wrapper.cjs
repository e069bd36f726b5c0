// Judges TDX evidence with npm's @phala/dcap-qvl, unmodified: teemu's JSON lines on standard input, its verdicts on standard output.
'use strict';
const { createInterface } = require('node:readline');
const { QuoteVerifier } = require('@phala/dcap-qvl');

const bytes = (files, name) => Buffer.from(files[name] ?? '', 'base64');
const text = (files, name) => bytes(files, name).toString('utf8');

/** A document and its signature, as they stand in the body that Intel serves: the signature is over these very bytes. */
function split(body, member) {
  const start = body.indexOf(`"${member}":`) + member.length + 3;
  const end = body.lastIndexOf(',"signature":');
  return { inner: body.slice(start, end), signature: JSON.parse(body).signature };
}

function collateral(files) {
  const tcb = split(text(files, 'collateral/tcb_info.json'), 'tcbInfo');
  const qe = split(text(files, 'collateral/qe_identity.json'), 'enclaveIdentity');
  const hex = (name) => bytes(files, name).toString('hex');
  return {
    pck_crl_issuer_chain: text(files, 'collateral/pck_crl_issuer_chain.pem'),
    root_ca_crl: hex('collateral/root_ca_crl.der'),
    pck_crl: hex('collateral/pck_crl.der'),
    tcb_info_issuer_chain: text(files, 'collateral/tcb_info_issuer_chain.pem'),
    tcb_info: tcb.inner,
    tcb_info_signature: tcb.signature,
    qe_identity_issuer_chain: text(files, 'collateral/qe_identity_issuer_chain.pem'),
    qe_identity: qe.inner,
    qe_identity_signature: qe.signature,
    ...(files['collateral/pck_chain.pem'] ? { pck_certificate_chain: text(files, 'collateral/pck_chain.pem') } : {}),
  };
}

/** Members of a request, and where the library's report of the TD has them. */
const ASKED = {
  reportData: 'reportData',
  measurement: 'mrTd',
  mrTd: 'mrTd',
  mrSeam: 'mrSeam',
  mrConfigId: 'mrConfigId',
  mrOwner: 'mrOwner',
  mrOwnerConfig: 'mrOwnerConfig',
  rtmr0: 'rtMr0',
  rtmr1: 'rtMr1',
  rtmr2: 'rtMr2',
  rtmr3: 'rtMr3',
};
/** What the library's own answer says, or what it always asks for. */
const KNOWN = new Set([...Object.keys(ASKED), 'requireCrl', 'tcbStatuses', 'refusedAdvisories']);

/** The report of the TD as the library itself reads it, wherever its versions wrap it. */
function tdReport(report) {
  for (let inner = report; inner; inner = inner.base ?? inner.data ?? inner.report ?? inner.value) if (inner.mrTd) return inner;
  throw new Error(`the library's report has no TD's in it: ${Object.keys(report ?? {}).join(', ')}`);
}

/** What the relying party looks at itself, as the library's users do: the library answers with the report, not with a verdict on it. */
function asked(verified, request) {
  for (const [name, member] of Object.entries(ASKED)) {
    if (request[name] === undefined) continue;
    const values = Array.isArray(request[name]) ? request[name] : [request[name]];
    if (!values.includes(Buffer.from(tdReport(verified.report)[member]).toString('hex'))) return `${name} differs`;
  }
  return (request.refusedAdvisories ?? []).find((advisory) => verified.advisory_ids.includes(advisory));
}

function judge({ files, roots, now, request }) {
  const unknown = Object.keys(request).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) return { verdict: 'skip', detail: `it has no option for ${unknown}` };
  const pem = Object.values(roots)[0] ?? '';
  const root = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  let verified;
  try {
    verified = new QuoteVerifier(root).verify(bytes(files, 'quote.bin'), collateral(files), now);
  } catch (error) {
    return { verdict: 'reject', detail: String(error?.message ?? error) };
  }
  if (!(request.tcbStatuses ?? ['UpToDate']).includes(verified.status)) return { verdict: 'reject', stage: 'tcb', detail: `the status is ${verified.status}` };
  const differs = asked(verified, request);
  return differs === undefined ? { verdict: 'accept' } : { verdict: 'reject', stage: 'binding', detail: differs };
}

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

createInterface({ input: process.stdin }).on('line', (line) => {
  const question = JSON.parse(line);
  if (question.cmd === 'hello') say({ protocol: 1, name: '@phala/dcap-qvl', version: '0.3.9' });
  else if (question.cmd === 'verify') say({ seq: question.seq, ...judge(question) });
  else process.exit(0);
});
