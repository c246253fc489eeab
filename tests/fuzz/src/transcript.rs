use althing::crypto::{Domain, Hasher};
use althing::group::{TRANSCRIPT_VERSION, Transcript};

use crate::Input;

/// Bytes that are a transcript are its only bytes, and what is readable of damaged ones is a whole one.
/// The same with the input as records that all match their checks, which no mutation would hit.
pub fn transcript(data: &[u8]) {
    read(data);
    read(&checked(data));
}

fn read(data: &[u8]) {
    match Transcript::decode(data) {
        Ok(transcript) => assert_eq!(transcript.encode(), data, "another encoding"),
        Err(damage) => {
            assert!(damage.offset <= data.len() as u64);
            if let Some(readable) = damage.readable {
                let again = Transcript::decode(&readable.encode());
                assert_eq!(again.as_ref(), Ok(&*readable), "{}", damage.error);
            }
        }
    }
}

/// A file whose records have kind, two bytes of length and payload from `data`.
fn checked(data: &[u8]) -> Vec<u8> {
    let mut file = b"althing\0".to_vec();
    file.extend(TRANSCRIPT_VERSION.to_le_bytes());
    let mut hasher = Hasher::new(Domain::TranscriptRecord);
    hasher.part(&file);
    let mut chain = hasher.finish();
    let mut input = Input(data);
    while let (Some(kind), Some(low), Some(high)) = (input.byte(), input.byte(), input.byte()) {
        let len = usize::from(u16::from_le_bytes([low, high])).min(input.0.len());
        let (payload, rest) = input.0.split_at(len);
        input.0 = rest;
        let mut hasher = Hasher::new(Domain::TranscriptRecord);
        hasher.fixed(chain.as_bytes());
        hasher.fixed(&[kind]);
        hasher.part(payload);
        chain = hasher.finish();
        file.push(kind);
        file.extend((payload.len() as u32).to_le_bytes());
        file.extend(payload);
        file.extend(&chain.as_bytes()[..8]);
    }
    file
}
