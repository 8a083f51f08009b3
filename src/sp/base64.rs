//! Base64 as messages carry it: with padding, canonical, perhaps broken into lines (RFC 4648 §4).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Stands in [`VALUES`] for what is no letter; four letters together have 24 bits only.
const NO_LETTER: u32 = 1 << 31;
/// The bits of each letter as the first, second, third and fourth of four.
const VALUES: [[u32; 256]; 4] = [values(18), values(12), values(6), values(0)];

const fn values(shift: u32) -> [u32; 256] {
    let mut values = [NO_LETTER; 256];
    let mut value = 0;
    while value < 64 {
        values[ALPHABET[value] as usize] = (value as u32) << shift;
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
        let bits = value(0, letters) | value(1, letters) | value(2, letters) | value(3, letters);
        seen |= bits;
        three.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    if padding > 0 {
        let kept = 3 - padding;
        let bits = (0..=kept).fold(0, |bits, place| bits | value(place, last));
        let three = &bits.to_be_bytes()[1..];
        // Bits beyond the last byte would be a second way to write the same.
        seen |= bits | if three[kept] == 0 { 0 } else { NO_LETTER };
        bytes.truncate(whole.len() / 4 * 3 + kept);
        bytes[whole.len() / 4 * 3..].copy_from_slice(&three[..kept]);
    }
    (seen & NO_LETTER == 0).then_some(bytes)
}

/// The bits of the letter at `place` of four.
fn value(place: usize, letters: &[u8]) -> u32 {
    VALUES[place][usize::from(letters[place])]
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
            let lines: Vec<&str> =
                text.as_bytes().chunks(7).map(|l| str::from_utf8(l).expect("ASCII")).collect();
            assert_eq!(
                decode(&format!(" {}\t\r\n", lines.join("\r\n"))).as_deref(),
                Some(&bytes[..length])
            );
        }
    }

    /// Every text of four characters from a small alphabet, held against the library.
    #[test]
    fn what_is_refused_is_what_the_library_refuses() {
        const LETTERS: &[u8] = b"AQBgw/9-=%\xc3";
        let pick =
            |number: usize, place: u32| LETTERS[number / LETTERS.len().pow(place) % LETTERS.len()];
        for number in 0..LETTERS.len().pow(4) {
            let four = [0, 1, 2, 3].map(|place| pick(number, place));
            for text in [&four[..], &[b"QUJD".as_slice(), &four].concat(), &four[..3]] {
                let Ok(text) = str::from_utf8(text) else { continue };
                assert_eq!(decode(text), BASE64_STANDARD.decode(text).ok(), "{text}");
            }
        }
    }
}
