//! Which characters may stand where (XML 1.0 §2.2, §2.3).

/// Whether every character may stand in a document at all.
pub(super) fn are_allowed(text: &str) -> bool {
    // Without an early exit, so that the compiler compares many bytes by one instruction.
    let (mut strange, mut all) = (0, 0);
    for byte in text.bytes() {
        strange |= u8::from((byte < b' ') & (byte != b'\t') & (byte != b'\n'));
        all |= byte;
    }
    strange == 0 && (all.is_ascii() || !text.contains(['\u{FFFE}', '\u{FFFF}']))
}

/// Whether a character reference may stand for it: also for a carriage return, which is never written bare here.
pub(super) fn may_be_referred_to(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        other => other >= ' ',
    }
}

/// What an ASCII byte is in a name: 0 nothing, 1 in the middle only, 2 anywhere. The colon separates, and is nothing.
const IN_NAMES: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => 2,
            b'0'..=b'9' | b'-' | b'.' => 1,
            _ => 0,
        };
        byte += 1;
    }
    table
};

/// How many bytes at the beginning of `text` are a name without a colon (Namespaces in XML §3, `NCName`).
pub(super) fn name_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let class = |byte: &u8| IN_NAMES.get(usize::from(*byte)).copied();
    let ascii = bytes.iter().take_while(|byte| class(byte).is_some_and(|class| class > 0)).count();
    match bytes.get(ascii) {
        Some(byte) if !byte.is_ascii() => long_name_length(text),
        _ if bytes.first().and_then(class) == Some(2) => ascii,
        _ => 0,
    }
}

#[cold]
fn long_name_length(text: &str) -> usize {
    let end = text.char_indices().find(|(at, character)| {
        !(begins_name(*character) || *at > 0 && continues_name(*character))
    });
    end.map_or(text.len(), |(at, _)| at)
}

fn begins_name(character: char) -> bool {
    matches!(character,
        'a'..='z' | 'A'..='Z' | '_'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

fn continues_name(character: char) -> bool {
    matches!(character,
        '0'..='9' | '-' | '.' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}
