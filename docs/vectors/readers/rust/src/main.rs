//! Prints a line for each case: its id, what is expected, when it is looked at, and digests of what a verifier is handed.
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::error::Error;

mod vectors;

fn digest(all: &Value, subject: &str) -> Result<String, Box<dyn Error>> {
    let mut total = Sha256::new();
    for part in ["files", "roots"] {
        for (name, bytes) in vectors::files(all, subject, part)? {
            total.update(format!("{part}/{name}\0{}\0", bytes.len()));
            total.update(&bytes);
        }
    }
    Ok(total.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    let all = vectors::read(&std::env::args().nth(1).ok_or("which file?")?)?;
    for case in all["cases"].as_array().ok_or("no cases")? {
        let text = |member: &str| case[member].as_str().unwrap_or("");
        // Here a verifier would be handed files(.., "files"), told the subject's request, and would trust files(.., "roots") at its time.
        let now = &all["subjects"][text("subject")]["now"];
        println!("{} {} {} {} {}", text("id"), text("expect"), now, digest(&all, text("subject"))?, digest(&all, text("twin"))?);
    }
    Ok(())
}
