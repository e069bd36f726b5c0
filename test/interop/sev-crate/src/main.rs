//! Runs virtee's sev crate, unmodified, over cases given as JSON lines on standard input, one verdict a line on standard output. The
//! crate checks signatures; whom to trust, dates, revocation and everything that a report states are its caller's.
use std::io::{self, BufRead, Write};

use base64::{engine::general_purpose::STANDARD, Engine};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sev::certs::snp::{Certificate, Chain, Verifiable};
use sev::firmware::guest::AttestationReport;
use sev::firmware::host::CertTableEntry;
use sev::parser::ByteParser;

/// Bytes are base64.
#[derive(Deserialize)]
struct Question {
    id: String,
    report: String,
    /// The certificates as a host hands them to its guest.
    table: String,
    /// The ARK that is trusted, DER, whatever the table says.
    root: String,
}

#[derive(Serialize)]
struct Answer {
    id: String,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What the crate reads in the report.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Value>,
}

type Refusal = (&'static str, String);

fn at<E: std::fmt::Display>(stage: &'static str) -> impl Fn(E) -> Refusal {
    move |error| (stage, error.to_string())
}

fn judge(question: &Question) -> (Option<Value>, Result<(), Refusal>) {
    let bytes = match STANDARD.decode(&question.report) {
        Ok(bytes) => bytes,
        Err(error) => return (None, Err(("usage", error.to_string()))),
    };
    let report = match AttestationReport::from_bytes(&bytes) {
        Ok(report) => report,
        Err(error) => return (None, Err(("parse", error.to_string()))),
    };
    (serde_json::to_value(report).ok(), verify(question, &report))
}

fn verify(question: &Question, report: &AttestationReport) -> Result<(), Refusal> {
    let mut table = STANDARD.decode(&question.table).map_err(at("usage"))?;
    let entries = CertTableEntry::vec_bytes_to_cert_table(&mut table).map_err(at("table"))?;
    let mut chain = Chain::from_cert_table_der(entries).map_err(at("table"))?;
    let root = STANDARD.decode(&question.root).map_err(at("usage"))?;
    chain.ca.ark = Certificate::from_der(&root).map_err(at("usage"))?;
    chain.verify().map_err(at("chain"))?;
    (&chain, report).verify().map_err(at("signature"))
}

fn main() -> io::Result<()> {
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let question: Question = serde_json::from_str(&line?)?;
        let (report, outcome) = judge(&question);
        let (verdict, stage, detail) = match outcome {
            Ok(()) => ("accept", None, None),
            Err((stage, detail)) => ("reject", Some(stage), Some(detail)),
        };
        serde_json::to_writer(&mut output, &Answer { id: question.id, verdict, stage, detail, report })?;
        output.write_all(b"\n")?;
    }
    Ok(())
}
