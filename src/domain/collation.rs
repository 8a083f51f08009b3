//! Names as people look for them: without regard to case and accents, numbers by their value.

use icu_normalizer::DecomposingNormalizerBorrowed;

/// Letters that Unicode does not take apart, as they are written without them.
const LETTERS: &[(char, &str)] = &[
    ('ß', "ss"),
    ('æ', "ae"),
    ('œ', "oe"),
    ('ø', "o"),
    ('đ', "d"),
    ('ł', "l"),
    ('ı', "i"),
    ('þ', "th"),
    ('ð', "d"),
];

/// A name without case, accents and signs, its words parted by one space: `Gefäß-Chirurgie` becomes
/// `gefass chirurgie`.
#[must_use]
pub fn fold(name: &str) -> String {
    let lower = name.to_lowercase();
    let mut folded = String::with_capacity(lower.len());
    for letter in DecomposingNormalizerBorrowed::new_nfkd().normalize(&lower).chars() {
        match LETTERS.iter().find(|(special, _)| *special == letter) {
            Some((_, plain)) => folded.push_str(plain),
            None if letter.is_alphanumeric() => folded.extend(letter.to_lowercase()),
            None if is_mark(letter) => {}
            None if folded.is_empty() || folded.ends_with(' ') => {}
            None => folded.push(' '),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// What names are sorted by, byte for byte: `Ward 9` before `Ward 10`, `Ärzte` before `Zahnärzte`.
#[must_use]
pub fn sort_key(name: &str) -> String {
    let folded = fold(name);
    let mut key = String::with_capacity(folded.len() + 4);
    let mut rest = folded.as_str();
    while let Some(letter) = rest.chars().next() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            key.push(letter);
            rest = &rest[letter.len_utf8()..];
        } else {
            put_number(&mut key, rest[..digits].trim_start_matches('0'));
            rest = &rest[digits..];
        }
    }
    key
}

/// Whether a name has every word of the query somewhere; nothing is in every name.
#[must_use]
pub fn holds(name: &str, query: &str) -> bool {
    let (name, query) = (fold(name), fold(query));
    query.split(' ').all(|word| name.contains(word))
}

/// How many digits it has, then the digits: the longer number is the greater.
fn put_number(key: &mut String, digits: &str) {
    key.extend(std::iter::repeat_n('9', digits.len() / 9));
    key.push(
        char::from_digit(u32::try_from(digits.len() % 9).unwrap_or_default(), 10).unwrap_or('0'),
    );
    key.push_str(digits);
}

/// The accents of Latin, Greek and Cyrillic letters (Unicode block *Combining Diacritical Marks*).
const fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded() {
        for (name, folded) in [
            ("Universitätsklinikum", "universitatsklinikum"),
            ("GROẞE Straße", "grosse strasse"),
            ("  St. Marien – Haus (2) ", "st marien haus 2"),
            ("Ål & Łódź, Søren", "al lodz soren"),
            ("A\u{308}rzte", "arzte"),
            ("İstanbul", "istanbul"),
            ("ﬁnance ①", "finance 1"),
            ("院", "院"),
            ("…", ""),
        ] {
            assert_eq!(fold(name), folded, "{name}");
        }
    }

    #[test]
    fn names_are_sorted_as_people_would() {
        let sorted = [
            "Ärztehaus",
            "Ärztehaus Süd",
            "Bergklinik",
            "Klinik Nord",
            "klinik Nr. 1",
            "Klinik Nr. 2",
            "Klinik Nr. 009",
            "Klinik Nr. 10",
            "Klinik Nr. 101",
            "Klinik Nr. 99999999",
            "Klinik Nr. 100000000",
            "Klinik Nr. 1000000000",
            "Klinik Nr. 99999999999999999",
            "Klinik Nr. 100000000000000000",
            "Über-See",
            "Überwald",
            "Zahnärzte",
        ];
        for pair in sorted.windows(2) {
            assert!(sort_key(pair[0]) < sort_key(pair[1]), "{pair:?}");
        }
        assert_eq!(sort_key("Ward 0"), sort_key("ward 000"));
    }

    #[test]
    fn names_are_found_by_parts() {
        for (name, query, found) in [
            ("Gefäßzentrum Überlingen", "uberl GEFASS", true),
            ("Gefaesszentrum", "gefäß", false),
            ("Klinik Nr. 10", "nr 1", true),
            ("Klinik", "", true),
            ("Klinik", "nord", false),
        ] {
            assert_eq!(holds(name, query), found, "{name} {query}");
        }
    }
}
