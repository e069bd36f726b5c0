//! Reads teemu's published vectors: with serde_json, and base64.
use base64::{engine::general_purpose::STANDARD, Engine};
use serde_json::Value;
use std::{collections::BTreeMap, error::Error, fs::File, io::BufReader};

pub type Files = BTreeMap<String, Vec<u8>>;

/// A file, as JSON.
pub fn read(path: &str) -> Result<Value, Box<dyn Error>> {
    Ok(serde_json::from_reader(BufReader::new(File::open(path)?))?)
}

/// The bytes of a blob: base64, or parts of another blob.
pub fn contents(vectors: &Value, key: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let blob = &vectors["blobs"][key];
    if let Some(text) = blob.as_str() {
        return Ok(STANDARD.decode(text)?);
    }
    let base = contents(vectors, blob["of"].as_str().ok_or("no blob")?)?;
    let mut out = Vec::new();
    for part in blob["parts"].as_array().ok_or("no parts")? {
        match (part.as_str(), part[0].as_u64(), part[1].as_u64()) {
            (Some(own), ..) => out.extend(STANDARD.decode(own)?),
            (_, Some(at), Some(length)) => out.extend_from_slice(base.get(at as usize..(at + length) as usize).ok_or("no such run")?),
            _ => return Err("no part".into()),
        }
    }
    Ok(out)
}

/// Files or roots of a subject, by name.
pub fn files(vectors: &Value, subject: &str, which: &str) -> Result<Files, Box<dyn Error>> {
    let named = vectors["subjects"][subject][which].as_object().ok_or("no subject")?;
    named.iter().map(|(name, key)| Ok((name.clone(), contents(vectors, key.as_str().unwrap_or(""))?))).collect()
}
