//! Base64 as messages carry it: with padding, canonical, perhaps broken into lines (RFC 4648 §4).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Stands in [`VALUES`] for what is no letter; no value of a letter has this bit.
const NO_LETTER: u8 = 0x80;
const VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let mut values = [NO_LETTER; 256];
    let mut value = 0;
    while value < 64 {
        values[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    values
}

/// The bytes that `text` stands for; white space counts for nothing, anything else strange refuses.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    decode_line(text.as_bytes()).or_else(|| {
        let letters = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
        decode_line(&letters.collect::<Vec<_>>())
    })
}

fn decode_line(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let (whole, last) = text.split_at(text.len() - if padding == 0 { 0 } else { 4 });
    let mut bytes = vec![0; text.len() / 4 * 3];
    let mut seen = 0;
    for (letters, three) in whole.chunks_exact(4).zip(bytes.chunks_exact_mut(3)) {
        let [one, two, three_, four] = [0, 1, 2, 3].map(|at| VALUES[usize::from(letters[at])]);
        seen |= one | two | three_ | four;
        three.copy_from_slice(&joined([one, two, three_, four]));
    }
    if padding > 0 {
        let kept = 3 - padding;
        let values = [0, 1, 2, 3].map(|at| if at > kept { 0 } else { VALUES[usize::from(last[at])] });
        seen |= values.iter().fold(0, |all, value| all | value);
        let three = joined(values);
        // Bits beyond the last byte would be a second way to write the same.
        seen |= if three[kept] == 0 { 0 } else { NO_LETTER };
        let end = bytes.len() - 3;
        bytes[end..].copy_from_slice(&three);
        bytes.truncate(end + kept);
    }
    (seen & NO_LETTER == 0).then_some(bytes)
}

/// Four values of six bits are three bytes.
fn joined(values: [u8; 4]) -> [u8; 3] {
    let bits = values.iter().fold(0, |bits: u32, value| bits << 6 | u32::from(*value));
    let [_, one, two, three] = bits.to_be_bytes();
    [one, two, three]
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};

    use super::*;

    #[test]
    fn any_bytes_come_back_however_the_lines_are_broken() {
        let bytes: Vec<u8> = (0..=255).rev().chain(0..=255).collect();
        for length in 0..bytes.len() {
            let text = BASE64_STANDARD.encode(&bytes[..length]);
            assert_eq!(decode(&text).as_deref(), Some(&bytes[..length]), "{text}");
            let lines: Vec<&str> = text.as_bytes().chunks(7).map(|l| str::from_utf8(l).expect("ASCII")).collect();
            assert_eq!(decode(&format!(" {}\t\r\n", lines.join("\r\n"))).as_deref(), Some(&bytes[..length]));
        }
    }

    /// Every text of four characters from a small alphabet, held against the library.
    #[test]
    fn what_is_refused_is_what_the_library_refuses() {
        const LETTERS: &[u8] = b"AQBgw/9-=%\xc3";
        let pick = |number: usize, place: u32| LETTERS[number / LETTERS.len().pow(place) % LETTERS.len()];
        for number in 0..LETTERS.len().pow(4) {
            let four = [0, 1, 2, 3].map(|place| pick(number, place));
            for text in [&four[..], &[b"QUJD".as_slice(), &four].concat(), &four[..3]] {
                let Ok(text) = str::from_utf8(text) else { continue };
                assert_eq!(decode(text), BASE64_STANDARD.decode(text).ok(), "{text}");
            }
        }
    }
}
