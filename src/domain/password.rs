//! Which new passwords are good enough (NIST SP 800-63B-4 §3.1.1.2).

/// Why a new password is refused; the words are shown to the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    #[error("use at least 15 characters, or at least 8 with a capital, a small letter and a digit")]
    Short,
    #[error("use at most 128 characters")]
    Long,
    #[error("this password is on the lists that attackers try first")]
    Common,
    #[error("this password contains your name or address")]
    Personal,
}

/// The longest password in characters.
pub const LONGEST: usize = 128;

/// Passwords that meet the length rule and still head every attacker's list.
const COMMON: &[&str] = &[
    "password", "passw0rd", "qwerty", "letmein", "welcome", "iloveyou", "admin", "hospital",
    "medict", "changeme", "secret", "summer", "winter", "spring", "autumn", "monkey", "dragon",
    "football",
];

/// Checks a new password; `words` are what it must not contain (names, addresses).
///
/// Length counts characters as Unicode code points. There is no other composition rule.
///
/// # Errors
/// The first [`Weak`]ness found.
pub fn check(password: &str, words: &[&str]) -> Result<(), Weak> {
    let length = password.chars().count();
    if length > LONGEST {
        return Err(Weak::Long);
    }
    if length < 8 || (length < 15 && !is_mixed(password)) {
        return Err(Weak::Short);
    }
    let lower = password.to_lowercase();
    if is_common(&lower) {
        return Err(Weak::Common);
    }
    if words.iter().any(|word| word.len() >= 4 && lower.contains(&word.to_lowercase())) {
        return Err(Weak::Personal);
    }
    Ok(())
}

fn is_mixed(password: &str) -> bool {
    password.chars().any(char::is_uppercase)
        && password.chars().any(char::is_lowercase)
        && password.chars().any(|c| c.is_ascii_digit())
}

/// A common word with nothing around it but digits and punctuation, or one character repeated.
fn is_common(lower: &str) -> bool {
    let bare = lower.trim_matches(|c: char| !c.is_alphabetic());
    let first = lower.chars().next();
    COMMON.contains(&bare) || bare.is_empty() || lower.chars().all(|c| Some(c) == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_or_mixture_and_nothing_well_known() {
        let a128 = "aé".repeat(64);
        for (password, expected) in [
            ("secure-password", Ok(())),
            ("new-secure-password", Ok(())),
            ("Abcdefg1", Ok(())),
            ("abcdefg1", Err(Weak::Short)),
            ("Abcde1", Err(Weak::Short)),
            ("fourteen-chars", Err(Weak::Short)),
            ("Password123", Err(Weak::Common)),
            ("Hospital2026!", Err(Weak::Common)),
            ("123456789012345", Err(Weak::Common)),
            ("aaaaaaaaaaaaaaaa", Err(Weak::Common)),
            ("lovelace-is-my-name", Err(Weak::Personal)),
            (a128.as_str(), Ok(())),
        ] {
            assert_eq!(check(password, &["lovelace"]), expected, "{password}");
        }
        assert_eq!(check(&"x".repeat(129), &[]), Err(Weak::Long));
    }
}
